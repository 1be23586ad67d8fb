"""The Emitter that adds nodes to an OpenVINO graph.

Each parameter is one Constant in the caller's memory, which all repetitions of its layer use:
OpenVINO then packs a shared matrix once, not once a repetition.
Queries, keys and values are three products: one product with a split takes as long in float32
(benchmarks/tried.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.engine.openvino_library import import_openvino
from albertkit.spec import AlbertConfig
from albertkit.spec.config_values import Activation
from albertkit.spec.heads import get_norm_eps
from albertkit.spec.parameters import make_layer_prefix, make_writable

if TYPE_CHECKING:
    from openvino import Node


class OpenVinoEmitter:
    """ALBERT's operations as nodes; batch and width are dynamic."""

    def __init__(
        self,
        config: AlbertConfig,
        arrays: Mapping[str, FloatArray],
        *,
        bare_products: bool = False,
    ) -> None:
        """Create an emitter.

        Args:
            config: The model's config.
            arrays: The parameters in C order; their memory must outlive the graph.
            bare_products: Leave nothing for OpenVINO to fuse into a product, for processors on
                which only its bare products are fast.
        """
        self.op = import_openvino().opset15
        self.config = config
        self.arrays = ScaledQueries(config, arrays)
        self.bare_products = bare_products
        self.constants: dict[str, Node] = {}

    def lookup(self, table: str, indices: Node) -> Node:
        """As Emitter.lookup."""
        return self.op.gather(self._constant(table), indices, self.op.constant(np.int32(0)))

    def add(self, left: Node, right: Node) -> Node:
        """As Emitter.add."""
        return self.op.add(left, right)

    def linear(self, x: Node, weight: str, bias: str) -> Node:
        """As Emitter.linear."""
        product = self.op.matmul(x, self._constant(weight), False, True)
        return self.op.add(product, self._constant(bias))

    def norm(self, x: Node, name: str) -> Node:
        """As Emitter.norm."""
        last = self.op.constant(np.array([-1], np.int64))
        y = self.op.mvn(x, last, True, get_norm_eps(self.config, name), "INSIDE_SQRT")
        y = self.op.multiply(y, self._constant(f"{name}.weight"))
        return self.op.add(y, self._constant(f"{name}.bias"))

    def activate(self, x: Node, kind: Activation) -> Node:  # noqa: PLR0911
        """As Emitter.activate."""
        match kind:
            case "gelu_tanh":
                return self._bare_gelu_tanh(x) if self.bare_products else self.op.gelu(x, "TANH")
            case "gelu_erf":
                return self._bare_gelu_erf(x) if self.bare_products else self.op.gelu(x, "ERF")
            case "quick_gelu":
                return self.op.swish(x, self._number(1.702))
            case "relu":
                return self.op.relu(x)
            case "silu":
                return self.op.swish(x)
            case "tanh":
                return self.op.tanh(x)
            case "identity":
                return x

    def attention(self, query: Node, key: Node, value: Node, mask: Node) -> Node:
        """As Emitter.attention."""
        q, k, v = (self._heads_first(x) for x in (query, key, value))  # [R, A, W, D]
        scale = self._number(1)  # the queries are divided by √D already
        context = self.op.scaled_dot_product_attention(q, k, v, mask, scale, causal=False)
        concatenated = self.op.transpose(context, np.array([0, 2, 1, 3], np.int64))
        return self.op.reshape(
            concatenated, np.array([0, 0, self.config.hidden_size], np.int64), True
        )  # [R, W, H]

    def _bare_gelu_tanh(self, x: Node) -> Node:
        """x·sigmoid(2·√(2/π)·(x + 0.044715·x³)), as ½(1 + tanh(y)) is sigmoid(2y).

        OpenVINO does not recognise this form as a gelu, and leaves the product before it bare.
        """
        factor = 2 * math.sqrt(2 / math.pi)
        cube = self.op.multiply(self.op.multiply(x, x), self._number(factor * 0.044715))
        inner = self.op.multiply(x, self.op.add(cube, self._number(factor)))
        return self.op.multiply(x, self.op.sigmoid(inner))

    def _bare_gelu_erf(self, x: Node) -> Node:
        """x·(½ + ½·erf(x / √2)), not recognised by OpenVINO either."""
        erf = self.op.erf(self.op.multiply(x, self._number(math.sqrt(0.5))))
        share = self.op.add(self.op.multiply(erf, self._number(0.5)), self._number(0.5))
        return self.op.multiply(x, share)

    def _number(self, value: float) -> Node:
        return self.op.constant(np.float32(value))

    def _heads_first(self, x: Node) -> Node:
        shape = np.array([0, 0, self.config.num_attention_heads, self.config.head_size], np.int64)
        return self.op.transpose(self.op.reshape(x, shape, True), np.array([0, 2, 1, 3], np.int64))

    def _constant(self, name: str) -> Node:
        if name not in self.constants:
            memory = make_writable(self.arrays[name])
            self.constants[name] = self.op.constant(memory, shared_memory=True)
        return self.constants[name]


class ScaledQueries(Mapping[str, FloatArray]):
    """`arrays`, in which the parameters of the queries are copies divided by √D.

    OpenVINO moves a factor of the scores back into a product, which then takes another kernel,
    never a faster one (benchmarks/tried.py).
    """

    def __init__(self, config: AlbertConfig, arrays: Mapping[str, FloatArray]) -> None:
        self._arrays = arrays
        self._scale = np.float32(1 / math.sqrt(config.head_size))
        self._queries: dict[str, FloatArray | None] = {
            f"{make_layer_prefix(group, inner)}attention.query.{part}": None
            for group in range(config.num_hidden_groups)
            for inner in range(config.inner_group_num)
            for part in ("weight", "bias")
        }

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self._queries:
            return self._arrays[name]
        scaled = self._queries[name]
        if scaled is None:
            scaled = self._queries[name] = self._arrays[name] * self._scale
        return scaled

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)
