"""The Emitter that writes down nodes of ONNX; a value is its name, and batch and length stay open.

Parameters are named, not held: a shared layer's matrix is one tensor of the file, read by every
repetition. The gelus are spelt as ONNX Runtime's FastGelu and Gelu fusions look for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from albertkit.fileformats.onnx.model_file import CODES, Array, Attribute, Node, Tensor
from albertkit.spec import AlbertConfig
from albertkit.spec.config_values import Activation
from albertkit.spec.heads import norm_eps
from albertkit.spec.parameters import WORD_TABLE


class OnnxEmitter:
    """ALBERT's operations as nodes, in the order in which they were asked for."""

    def __init__(self, config: AlbertConfig) -> None:
        self.config = config
        self.nodes: list[Node] = []
        self.constants: dict[str, Tensor] = {}

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: Attribute) -> str:
        """One operation with one result, whose name it returns: `name`, or one of its own."""
        return self.node_of_many(kind, *inputs, results=1, name=name, **attributes)[0]

    def node_of_many(
        self, kind: str, *inputs: str, results: int, name: str = "", **attributes: Attribute
    ) -> tuple[str, ...]:
        """One operation with several results."""
        own = name or f"{kind}_{len(self.nodes)}"
        outputs = (own, *(f"{own}_{number}" for number in range(1, results)))
        self.nodes.append(Node(kind, inputs, outputs, own, attributes))
        return outputs

    def call(self, value: str, name: str) -> None:
        """Give a value the name under which the graph offers it."""
        self.nodes.append(Node("Identity", (value,), (name,), name))

    def constant(self, value: float | Sequence[float], dtype: str = "float32") -> str:
        """A small tensor, held once however often it is asked for."""
        array: Array = np.array(value, dtype)
        name = f"{dtype}:{value}".replace(" ", "")
        self.constants[name] = Tensor(name, dtype, array.shape, lambda: array)
        return name

    def lookup(self, table: str, indices: str) -> str:
        return self.node("Gather", table, indices, name=f"rows of {table}", axis=0)

    def add(self, left: str, right: str) -> str:
        # runtimes tell an error by its node's name: of a batch longer than the table of positions
        # ONNX Runtime says that this addition fails, since it takes the rows as a slice
        return self.node("Add", left, right, name=f"{left} + {right}")

    def linear(self, x: str, weight: str, bias: str) -> str:
        matrix = self._word_matrix() if weight == WORD_TABLE else transposed(weight)
        return self.node("Add", self.node("MatMul", x, matrix), bias)

    def norm(self, x: str, name: str) -> str:
        eps = float(norm_eps(self.config, name))
        return self.node(
            "LayerNormalization", x, f"{name}.weight", f"{name}.bias", axis=-1, epsilon=eps
        )

    def activate(self, x: str, kind: Activation) -> str:
        match kind:
            case "gelu_tanh":
                return self._gelu_tanh(x)
            case "gelu_erf":
                return self._gelu_erf(x)
            case "relu":
                return self.node("Relu", x)
            case "silu":
                return self.node("Mul", x, self.node("Sigmoid", x))
            case "tanh":
                return self.node("Tanh", x)
            case "identity":
                return x

    def attention(self, query: str, key: str, value: str, mask: str) -> str:
        q = self._heads(query, 0, 2, 1, 3)  # [B, A, S, D]
        k = self._heads(key, 0, 2, 3, 1)  # [B, A, D, S]
        v = self._heads(value, 0, 2, 1, 3)
        scale = self.constant(1 / math.sqrt(self.config.head_size))
        scores = self.node("Mul", self.node("MatMul", q, k), scale)  # [B, A, S, S]
        attention_probs = self.node("Softmax", self.node("Add", scores, mask), axis=-1)
        context = self.node("Transpose", self.node("MatMul", attention_probs, v), perm=(0, 2, 1, 3))
        return self.reshape(context, 0, 0, self.config.hidden_size)  # [B, S, H]

    def reshape(self, x: str, *axes: int) -> str:
        """0 keeps an axis."""
        return self.node("Reshape", x, self.constant(axes, "int64"))

    def cast(self, x: str, dtype: str) -> str:
        return self.node("Cast", x, to=CODES[dtype])

    def _heads(self, x: str, *order: int) -> str:
        cut = self.reshape(x, 0, 0, self.config.num_attention_heads, self.config.head_size)
        return self.node("Transpose", cut, perm=order)

    def _word_matrix(self) -> str:
        """The word table [V, E] as [E, V], of the one tensor that lookups read too."""
        return self.node("Transpose", WORD_TABLE, perm=(1, 0))

    def _gelu_tanh(self, x: str) -> str:
        """0.5·x·(1 + tanh(√(2/π)·x·(1 + 0.044715·x²)))."""
        square = self.node("Mul", x, self.node("Mul", x, self.constant(0.044715)))
        grown = self.node("Add", square, self.constant(1.0))
        inner = self.node("Mul", grown, self.node("Mul", x, self.constant(math.sqrt(2 / math.pi))))
        one_more = self.node("Add", self.node("Tanh", inner), self.constant(1.0))
        return self.node("Mul", self.node("Mul", x, self.constant(0.5)), one_more)

    def _gelu_erf(self, x: str) -> str:
        """x·(1 + erf(x / √2))·0.5."""
        erf = self.node("Erf", self.node("Div", x, self.constant(math.sqrt(2.0))))
        one_more = self.node("Add", erf, self.constant(1.0))
        return self.node("Mul", self.node("Mul", x, one_more), self.constant(0.5))


def transposed(weight: str) -> str:
    """The name in the file of a matrix [in, out], which MatMul takes; torch's is [out, in]."""
    return f"{weight}_transposed"
