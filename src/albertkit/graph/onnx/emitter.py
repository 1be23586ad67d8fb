"""The Emitter that creates ONNX nodes; a value is a node's name; batch and length are dynamic.

Parameters are referred to by name: a shared layer's matrix is one tensor of the file, which every
layer reads. The gelus are written as ONNX Runtime's FastGelu and Gelu fusions expect them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.fileformats.onnx.model_file import CODES, Array, Attribute, Node, Tensor
from albertkit.spec import AlbertConfig
from albertkit.spec.config_values import Activation
from albertkit.spec.heads import get_norm_eps
from albertkit.spec.parameters import WORD_TABLE


class OnnxEmitter:
    """ALBERT's operations as nodes, in the order of the calls."""

    def __init__(self, config: AlbertConfig) -> None:
        """Start without nodes."""
        self.config = config
        self.nodes: list[Node] = []
        self.constants: dict[str, Tensor] = {}

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: Attribute) -> str:
        """Add a node with one output; returns its name: `name`, or a generated one."""
        return self.node_of_many(kind, *inputs, results=1, name=name, **attributes)[0]

    def node_of_many(
        self, kind: str, *inputs: str, results: int, name: str = "", **attributes: Attribute
    ) -> tuple[str, ...]:
        """Add a node with several outputs; returns their names."""
        own = name or f"{kind}_{len(self.nodes)}"
        outputs = (own, *(f"{own}_{number}" for number in range(1, results)))
        self.nodes.append(Node(kind, inputs, outputs, own, attributes))
        return outputs

    def name_value(self, value: str, name: str) -> None:
        """Give a value this name too, under which it may be an output of the graph."""
        self.nodes.append(Node("Identity", (value,), (name,), name))

    def constant(self, value: float | Sequence[float], dtype: str = "float32") -> str:
        """Add a small tensor, once for equal values; returns its name."""
        array: Array = np.array(value, dtype)
        name = f"{dtype}:{value}".replace(" ", "")
        self.constants[name] = Tensor(name, dtype, array.shape, lambda: array)
        return name

    def parameter(self, name: str, array: FloatArray) -> str:
        """Add a tensor that is no parameter of the encoder; returns its name."""
        self.constants[name] = Tensor(name, "float32", array.shape, lambda: array)
        return name

    def lookup(self, table: str, indices: str) -> str:
        """As Emitter.lookup."""
        return self.node("Gather", table, indices, name=f"rows of {table}", axis=0)

    def add(self, left: str, right: str) -> str:
        """As Emitter.add."""
        # Errors of runtimes name the node. For a batch longer than the position embeddings ONNX
        # Runtime reports this addition, since it takes the rows as a slice.
        return self.node("Add", left, right, name=f"{left} + {right}")

    def linear(self, x: str, weight: str, bias: str) -> str:
        """As Emitter.linear."""
        matrix = self._word_matrix() if weight == WORD_TABLE else name_matrix(weight)
        return self.node("Add", self.node("MatMul", x, matrix), bias)

    def norm(self, x: str, name: str) -> str:
        """As Emitter.norm."""
        eps = float(get_norm_eps(self.config, name))
        return self.node(
            "LayerNormalization", x, f"{name}.weight", f"{name}.bias", axis=-1, epsilon=eps
        )

    def activate(self, x: str, kind: Activation) -> str:  # noqa: PLR0911
        """As Emitter.activate."""
        match kind:
            case "gelu_tanh":
                return self._gelu_tanh(x)
            case "gelu_erf":
                return self._gelu_erf(x)
            case "quick_gelu":
                scaled = self.node("Mul", x, self.constant(1.702))
                return self.node("Mul", x, self.node("Sigmoid", scaled))
            case "relu":
                return self.node("Relu", x)
            case "silu":
                return self.node("Mul", x, self.node("Sigmoid", x))
            case "tanh":
                return self.node("Tanh", x)
            case "identity":
                return x

    def attention(self, query: str, key: str, value: str, mask: str) -> str:
        """As Emitter.attention."""
        q = self._heads(query, 0, 2, 1, 3)  # [B, A, S, D]
        k = self._heads(key, 0, 2, 3, 1)  # [B, A, D, S]
        v = self._heads(value, 0, 2, 1, 3)
        scale = self.constant(1 / math.sqrt(self.config.head_size))
        scores = self.node("Mul", self.node("MatMul", q, k), scale)  # [B, A, S, S]
        attention_probs = self.node("Softmax", self.node("Add", scores, mask), axis=-1)
        context = self.node("Transpose", self.node("MatMul", attention_probs, v), perm=(0, 2, 1, 3))
        return self.reshape(context, 0, 0, self.config.hidden_size)  # [B, S, H]

    def reshape(self, x: str, *axes: int) -> str:
        """Add a Reshape; 0 keeps an axis."""
        return self.node("Reshape", x, self.constant(axes, "int64"))

    def cast(self, x: str, dtype: str) -> str:
        """Add a Cast."""
        return self.node("Cast", x, to=CODES[dtype])

    def _heads(self, x: str, *order: int) -> str:
        split = self.reshape(x, 0, 0, self.config.num_attention_heads, self.config.head_size)
        return self.node("Transpose", split, perm=order)

    def _word_matrix(self) -> str:
        """The word embeddings [V, E] as [E, V], from the one tensor that lookups read."""
        return self.node("Transpose", WORD_TABLE, perm=(1, 0))

    def _gelu_tanh(self, x: str) -> str:
        """0.5·x·(1 + tanh(√(2/π)·x·(1 + 0.044715·x²)))."""
        square = self.node("Mul", x, self.node("Mul", x, self.constant(0.044715)))
        factor = self.node("Add", square, self.constant(1.0))
        inner = self.node("Mul", factor, self.node("Mul", x, self.constant(math.sqrt(2 / math.pi))))
        plus_one = self.node("Add", self.node("Tanh", inner), self.constant(1.0))
        return self.node("Mul", self.node("Mul", x, self.constant(0.5)), plus_one)

    def _gelu_erf(self, x: str) -> str:
        """x·(1 + erf(x / √2))·0.5."""
        erf = self.node("Erf", self.node("Div", x, self.constant(math.sqrt(2.0))))
        plus_one = self.node("Add", erf, self.constant(1.0))
        return self.node("Mul", self.node("Mul", x, plus_one), self.constant(0.5))


def name_matrix(weight: str) -> str:
    """Return the file's name of a matrix as [in, out] for MatMul; torch's is [out, in]."""
    return f"{weight}_transposed"
