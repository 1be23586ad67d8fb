"""Other ways to run the encoder by OpenVINO, which were tried and lost; `tried.py` times them."""

from __future__ import annotations

import math

import numpy as np
from openvino import InferRequest, Node

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.openvino.compiled_encoder import (
    InferenceRequest,
    SingleGraphEncoder,
    copy_output,
    run_request,
)
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.openvino.graphs import build_encoder_graph
from albertkit.engine.protocol import PackedBatch

HEADS_FIRST = np.array([0, 2, 1, 3], np.int64)


class OneProductForQueriesKeysValues(OpenVinoEmitter):
    """The three matrices below one another, and a split behind their product."""

    parts: list[Node]

    def linear(self, x: Node, weight: str, bias: str) -> Node:
        layer, _, part = weight.rpartition("attention.")
        if part not in ("query.weight", "key.weight", "value.weight"):
            return super().linear(x, weight, bias)
        if part == "query.weight":  # it is asked for first
            product = self.op.matmul(x, self._three(layer, "weight"), False, True)  # [R, W, 3H]
            product = self.op.add(product, self._three(layer, "bias"))
            split = self.op.split(product, np.int64(2), 3)
            self.parts = [split.output(number) for number in range(3)]
        return self.parts.pop(0)

    def _three(self, layer: str, kind: str) -> Node:
        names = [f"{layer}attention.{part}.{kind}" for part in ("query", "key", "value")]
        if names[0] not in self.constants:
            together = np.concatenate([self.arrays[name] for name in names])
            self.constants[names[0]] = self.op.constant(together)
        return self.constants[names[0]]


class ScaleOnTheScores(OpenVinoEmitter):
    """1/√D in the attention, and the queries' parameters as they are."""

    def _constant(self, name: str) -> Node:
        if ".query." in name and name not in self.constants:
            root = np.float32(math.sqrt(self.config.head_size))
            self.constants[name] = self.op.constant(self.arrays[name] * root)
        return super()._constant(name)

    def attention(self, query: Node, key: Node, value: Node, mask: Node) -> Node:
        q, k, v = (self._heads_first(x) for x in (query, key, value))  # [R, A, W, D]
        context = self._attend(q, k, v, mask)
        side_by_side = self.op.transpose(context, HEADS_FIRST)
        return self.op.reshape(side_by_side, np.array([0, 0, self.config.hidden_size]), True)

    def _attend(self, q: Node, k: Node, v: Node, mask: Node) -> Node:
        return self.op.scaled_dot_product_attention(q, k, v, mask, causal=False)


class WithoutMask(ScaleOnTheScores):
    """For a single text in a row of its length, which needs no mask."""

    def _attend(self, q: Node, k: Node, v: Node, mask: Node) -> Node:
        return self.op.scaled_dot_product_attention(q, k, v, causal=False)


class OneDnnsProducts(OpenVinoEmitter):
    """Every product with a limit behind it that nothing reaches: OpenVINO gives such to oneDNN."""

    def linear(self, x: Node, weight: str, bias: str) -> Node:
        return self.op.clamp(super().linear(x, weight, bias), -1e30, 1e30)


class MatricesLaidTheOtherWay(OpenVinoEmitter):
    """[in, out] instead of [out, in]."""

    def linear(self, x: Node, weight: str, bias: str) -> Node:
        if weight not in self.constants:
            self.constants[weight] = self.op.constant(np.ascontiguousarray(self.arrays[weight].T))
        product = self.op.matmul(x, self.constants[weight], False, False)
        return self.op.add(product, self._constant(bias))


class InferInOneCall(SingleGraphEncoder):
    """By the library's `infer`, which takes inputs and waits."""

    def request(self) -> InferenceRequest:
        return _Inferring(self.create_request(build_encoder_graph))


class _Inferring:
    def __init__(self, request: InferRequest) -> None:
        self._request = request

    def vectors(self, batch: PackedBatch, slots: Int64Array) -> FloatArray:
        inputs = [batch.ids, batch.type_ids, batch.positions, batch.segment_ids]
        self._request.infer(inputs, share_inputs=True)
        return copy_output(self._request, slots)


class GraphOfOneShape(SingleGraphEncoder):
    """Compiled for rows of just the first batch's shape."""

    def request(self) -> InferenceRequest:
        return _OfOneShape(self)

    def request_for(self, batch: PackedBatch) -> InferRequest:
        model = build_encoder_graph(self._create_emitter())
        model.reshape({each.get_any_name(): list(batch.ids.shape) for each in model.inputs})
        return self._core.compile_model(model, "CPU", self._settings).create_infer_request()


class _OfOneShape:
    def __init__(self, form: GraphOfOneShape) -> None:
        self._form = form
        self._request: InferRequest | None = None

    def vectors(self, batch: PackedBatch, slots: Int64Array) -> FloatArray:
        self._request = self._request or self._form.request_for(batch)
        run_request(self._request, [batch.ids, batch.type_ids, batch.positions, batch.segment_ids])
        return copy_output(self._request, slots)
