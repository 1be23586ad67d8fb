"""The two forms in which OpenVINO holds an encoder: one graph of all repetitions, or one a layer.

Whole: the fastest, where OpenVINO packs a matrix that all repetitions share once.
Layered: a graph for the embeddings and one for each layer's parameters, called as often as it is
repeated, with two tensors changing places. In bfloat16 the whole graph holds a packed copy of the
matrix for each repetition, 523 MB for 221 at albert-base's shape, at 0.93 to 1.0 of the speed.
A request has one set of buffers: one call at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias

from albertkit.engine.openvino_emitter import OpenVinoEmitter
from albertkit.engine.openvino_graphs import embeddings_graph, encoder_graph, layer_graph
from albertkit.engine.protocol import PackedBatch
from albertkit.engine.quiet_openvino import openvino
from albertkit.spec import FloatArray
from albertkit.spec.parameters import layer_prefix

if TYPE_CHECKING:
    from openvino import CompiledModel, InferRequest

Settings: TypeAlias = Mapping[str, str | int | bool]


class Request(Protocol):
    """Answers one batch after another."""

    def rows(self, batch: PackedBatch) -> FloatArray:
        """Token vectors [R, W, H], in memory that the next call writes to."""
        ...


class Form(Protocol):
    """An encoder compiled for this processor."""

    def request(self) -> Request: ...


class Whole:
    """One graph."""

    def __init__(self, emit: OpenVinoEmitter, settings: Settings) -> None:
        self._compiled = openvino().Core().compile_model(encoder_graph(emit), "CPU", settings)

    def request(self) -> Request:
        return _WholeRequest(self._compiled.create_infer_request())


class Layered:
    """A graph for the embeddings, and one for each layer that has parameters of its own."""

    def __init__(self, emit: OpenVinoEmitter, settings: Settings) -> None:
        core, c = openvino().Core(), emit.config
        self._embeddings = core.compile_model(embeddings_graph(emit), "CPU", settings)
        passes = [
            layer_prefix(c.group_of(repetition), inner)
            for repetition in range(c.num_hidden_layers)
            for inner in range(c.inner_group_num)
        ]
        self._layers: dict[str, CompiledModel] = {
            at: core.compile_model(layer_graph(emit, at), "CPU", settings)
            for at in dict.fromkeys(passes)
        }
        self._passes = passes

    def request(self) -> Request:
        layers = {at: compiled.create_infer_request() for at, compiled in self._layers.items()}
        return _LayeredRequest(
            self._embeddings.create_infer_request(), [layers[at] for at in self._passes]
        )


class _WholeRequest:
    def __init__(self, request: InferRequest) -> None:
        self._request = request

    def rows(self, batch: PackedBatch) -> FloatArray:
        inputs = [batch.ids, batch.type_ids, batch.positions, batch.owners]
        self._request.infer(inputs, share_inputs=True)
        rows: FloatArray = self._request.get_output_tensor(0).data
        return rows


class _LayeredRequest:
    """passes: the layers' requests in the order of the passes, the same one for each repetition."""

    def __init__(self, embeddings: InferRequest, passes: list[InferRequest]) -> None:
        self._embeddings = embeddings
        self._passes = passes

    def rows(self, batch: PackedBatch) -> FloatArray:
        ov = openvino()
        self._embeddings.infer([batch.ids, batch.type_ids, batch.positions], share_inputs=True)
        before = self._embeddings.get_output_tensor(0)
        after, spare = (ov.Tensor(before.element_type, before.shape) for _ in range(2))
        owners = ov.Tensor(batch.owners, shared_memory=True)
        for each in self._passes:
            each.set_input_tensor(0, before)
            each.set_input_tensor(1, owners)
            each.set_output_tensor(0, after)
            each.infer()
            before, after, spare = after, spare, before
        rows: FloatArray = before.data
        return rows
