"""The ONNX emitter with int8 matrices and tables; activations are quantized at run time.

ONNX Runtime fuses the chain DynamicQuantizeLinear, MatMulInteger, Cast, Mul into one node.
"""

from __future__ import annotations

from albertkit.graph.onnx.emitter import OnnxEmitter
from albertkit.spec import AlbertConfig
from albertkit.spec.parameters import WORD_TABLE


class OnnxInt8Emitter(OnnxEmitter):
    """ALBERT's operations on the tensors `name_int8(…)` and `name_scales(…)`."""

    def __init__(self, config: AlbertConfig) -> None:
        """Start without nodes."""
        super().__init__(config)
        self._activations: dict[str, tuple[str, ...]] = {}

    def lookup(self, table: str, indices: str) -> str:
        """As Emitter.lookup."""
        rows = super().lookup(name_int8(table), indices)  # [B, S, E]
        scale = self.node("Gather", name_scales(table), indices, axis=0)  # [B, S]
        last = self.constant((-1,), "int64")
        scale = self.node("Unsqueeze", scale, last)
        return self.node("Mul", self.cast(rows, "float32"), scale, name=f"rows of {table}")

    def linear(self, x: str, weight: str, bias: str) -> str:
        """As Emitter.linear."""
        matrix = name_int8(weight)
        if weight == WORD_TABLE:
            matrix = self.node("Transpose", matrix, perm=(1, 0))
        quantized, scale, zero = self._quantize_activation(x)
        sums = self.cast(self.node("MatMulInteger", quantized, matrix, zero), "float32")
        product = self.node("Mul", sums, self.node("Mul", scale, name_scales(weight)))
        return self.node("Add", product, bias)

    def _quantize_activation(self, x: str) -> tuple[str, ...]:
        """x as uint8, its scale and its zero point; computed once for each x."""
        if x not in self._activations:
            self._activations[x] = self.node_of_many("DynamicQuantizeLinear", x, results=3)
        return self._activations[x]


def name_int8(weight: str) -> str:
    """Return the file's name of an int8 matrix [in, out], or of an int8 table."""
    return f"{weight}_int8"


def name_scales(weight: str) -> str:
    """Return the file's name of the scales of each output, or of each row of a table."""
    return f"{weight}_scales"
