"""The two forms in which OpenVINO holds an encoder: one graph of all repetitions, or one a layer.

Whole: the fastest, where OpenVINO packs a matrix that all repetitions share once. What is asked
about few slots (masked words, [CLS]) has a graph of its own, whose last layer is computed for
these alone; each graph is compiled when it is first asked, as most processes ask only one.
Layered: a graph for the embeddings and one for each layer's parameters, called as often as it is
repeated, with three tensors changing places. In bfloat16 the whole graph holds a packed copy of the
matrix for each repetition (benchmarks/one_copy.py), and is hardly faster (benchmarks/tried.py).
A request has one set of buffers: one call at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from albertkit.arrays import FloatArray, Int32Array, Int64Array
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.openvino.graphs import (
    embeddings_graph,
    encoder_graph,
    layer_graph,
    reading_graph,
)
from albertkit.engine.openvino_library import openvino
from albertkit.engine.protocol import PackedBatch
from albertkit.graph.encoder import list_layer_prefixes

if TYPE_CHECKING:
    from openvino import CompiledModel, InferRequest, Model

Settings: TypeAlias = Mapping[str, str | int | bool]
EmitterFactory: TypeAlias = Callable[[], OpenVinoEmitter]  # a new one for each graph

READ_STEP = 8  # slots are read in multiples of so many, since each new number is a new shape


class Request(Protocol):
    """Answers one batch after another."""

    def vectors(self, batch: PackedBatch, slots: Int64Array) -> FloatArray:
        """The vectors [K, H] of these slots; the caller's own."""
        ...


class CompiledEncoder(Protocol):
    """An encoder compiled for this processor."""

    def request(self) -> Request: ...


class SingleGraphEncoder:
    """One graph for all slots, one for few of them."""

    def __init__(self, emit: EmitterFactory, settings: Settings) -> None:
        self._core = openvino().Core()  # here, since whoever makes an engine has another one
        self._emit = emit
        self._settings = settings
        self._compiled: dict[Callable[[OpenVinoEmitter], Model], CompiledModel] = {}
        self._one_at_a_time = threading.Lock()

    def request(self) -> Request:
        return _SingleGraphRequest(self)

    def request_of(self, graph: Callable[[OpenVinoEmitter], Model]) -> InferRequest:
        """A request of one of the graphs, which is compiled at its first."""
        with self._one_at_a_time:
            if graph not in self._compiled:
                model = graph(self._emit())
                self._compiled[graph] = self._core.compile_model(model, "CPU", self._settings)
            return self._compiled[graph].create_infer_request()


class LayerwiseEncoder:
    """A graph for the embeddings, and one for each layer that has parameters of its own."""

    def __init__(self, emit: EmitterFactory, settings: Settings) -> None:
        core, nodes = openvino().Core(), emit()
        self._embeddings = core.compile_model(embeddings_graph(nodes), "CPU", settings)
        self._passes = list_layer_prefixes(nodes.config)
        self._layers: dict[str, CompiledModel] = {
            at: core.compile_model(layer_graph(nodes, at), "CPU", settings)
            for at in dict.fromkeys(self._passes)
        }

    def request(self) -> Request:
        layers = {at: compiled.create_infer_request() for at, compiled in self._layers.items()}
        return _LayerwiseRequest(
            self._embeddings.create_infer_request(), [layers[at] for at in self._passes]
        )


class _SingleGraphRequest:
    def __init__(self, form: SingleGraphEncoder) -> None:
        self._form = form
        self._all: InferRequest | None = None
        self._few: InferRequest | None = None

    def vectors(self, batch: PackedBatch, slots: Int64Array) -> FloatArray:
        inputs = [batch.ids, batch.type_ids, batch.positions, batch.segment_ids]
        if len(slots) == len(batch.slots):
            self._all = self._all or self._form.request_of(encoder_graph)
            run_request(self._all, inputs)
            return copy_output(self._all, slots)
        self._few = self._few or self._form.request_of(reading_graph)
        K = len(slots)
        read = np.zeros(max(1, -(-K // READ_STEP)) * READ_STEP, np.int64)
        read[:K] = slots
        run_request(self._few, [*inputs, read])
        return copy_output(self._few, np.arange(K))


class _LayerwiseRequest:
    """passes: the layers' requests in the order of the passes, the same one for each repetition."""

    def __init__(self, embeddings: InferRequest, passes: list[InferRequest]) -> None:
        self._embeddings = embeddings
        self._passes = passes

    def vectors(self, batch: PackedBatch, slots: Int64Array) -> FloatArray:
        ov = openvino()
        run_request(self._embeddings, [batch.ids, batch.type_ids, batch.positions])
        before = self._embeddings.get_output_tensor(0)
        after, spare = (ov.Tensor(before.element_type, before.shape) for _ in range(2))
        segment_ids = ov.Tensor(batch.segment_ids, shared_memory=True)
        for each in self._passes:
            each.set_input_tensor(0, before)
            each.set_input_tensor(1, segment_ids)
            each.set_output_tensor(0, after)
            _compute(each)
            before, after, spare = after, spare, before
        return _flat(before.data)[slots]


def run_request(request: InferRequest, inputs: Sequence[Int32Array | Int64Array]) -> None:
    """Compute with these inputs, where they lie."""
    ov = openvino()
    for number, values in enumerate(inputs):
        request.set_input_tensor(number, ov.Tensor(values, shared_memory=True))
    _compute(request)


def _compute(request: InferRequest) -> None:
    """Started and waited for: on more threads than one the library's `infer` takes longer."""
    try:
        request.start_async()
    finally:
        request.wait()  # after Ctrl-C too: the inputs' memory must outlive the computing


def copy_output(request: InferRequest, numbers: Int64Array) -> FloatArray:
    """Vectors [K, H] of what a request has computed, whose buffers its next call writes to."""
    return _flat(request.get_output_tensor(0).data)[numbers]


def _flat(vectors: FloatArray) -> FloatArray:
    return vectors.reshape(-1, vectors.shape[-1])
