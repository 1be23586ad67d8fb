"""The ONNX emitter whose matrices and tables are int8; activations are rounded as they come.

The chain DynamicQuantizeLinear, MatMulInteger, Cast, Mul is what ONNX Runtime fuses into one.
"""

from __future__ import annotations

from albertkit.graph.onnx.emitter import OnnxEmitter
from albertkit.spec import AlbertConfig
from albertkit.spec.parameters import WORD_TABLE


class OnnxInt8Emitter(OnnxEmitter):
    """ALBERT's operations over the tensors `rounded(name)` and `scales(name)`."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self._activations: dict[str, tuple[str, ...]] = {}

    def lookup(self, table: str, indices: str) -> str:
        whole = self.cast(super().lookup(rounded(table), indices), "float32")  # [B, S, E]
        worth = self.node("Gather", scales(table), indices, axis=0)  # [B, S]
        last = self.constant((-1,), "int64")
        worth = self.node("Unsqueeze", worth, last)
        return self.node("Mul", whole, worth, name=f"rows of {table}")

    def linear(self, x: str, weight: str, bias: str) -> str:
        matrix = rounded(weight)
        if weight == WORD_TABLE:
            matrix = self.node("Transpose", matrix, perm=(1, 0))
        steps, worth, zero = self._rounded_activation(x)
        sums = self.cast(self.node("MatMulInteger", steps, matrix, zero), "float32")
        product = self.node("Mul", sums, self.node("Mul", worth, scales(weight)))
        return self.node("Add", product, bias)

    def _rounded_activation(self, x: str) -> tuple[str, ...]:
        """x in steps (uint8), what a step is worth, and the step that is zero; once for each x."""
        if x not in self._activations:
            self._activations[x] = self.node_of_many("DynamicQuantizeLinear", x, results=3)
        return self._activations[x]


def rounded(weight: str) -> str:
    """The name in the file of a matrix in int8: [in, out], or a table's rows as they are."""
    return f"{weight}_int8"


def scales(weight: str) -> str:
    """The name in the file of what one step of each output, or of each row, is worth."""
    return f"{weight}_scales"
