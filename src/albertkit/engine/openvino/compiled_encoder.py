"""The encoder compiled by OpenVINO: one graph of all layers, or one graph a layer.

SingleGraphEncoder is the fastest if OpenVINO packs a matrix shared by all layers once. Requests
for few slots (masked words, [CLS]) have a graph of their own, whose last layer is computed for
these only. Each graph is compiled at its first use, since most processes use only one.
LayerwiseEncoder has a graph for the embeddings and one for each layer's parameters, which runs as
often as the layer is repeated, with three tensors in turn. In bfloat16 a single graph has a packed
copy of the matrix for each repetition (benchmarks/one_copy.py), and is hardly faster
(benchmarks/tried.py).
A request has one set of buffers, so it computes one call at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from albertkit.arrays import FloatArray, Int32Array, Int64Array
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.openvino.graphs import (
    build_embeddings_graph,
    build_encoder_graph,
    build_layer_graph,
    build_reading_graph,
)
from albertkit.engine.openvino_library import get_core, import_openvino
from albertkit.engine.protocol import PackedBatch
from albertkit.graph.encoder import list_layer_prefixes

if TYPE_CHECKING:
    from openvino import CompiledModel, InferRequest, Model

Settings: TypeAlias = Mapping[str, str | int | bool]
EmitterFactory: TypeAlias = Callable[[], OpenVinoEmitter]  # a new one for each graph

READ_STEP = 8  # slots are read in multiples of this, since each new number is a new shape


class InferenceRequest(Protocol):
    """Computes one batch after another."""

    def vectors(self, batch: PackedBatch, slots: Int64Array) -> FloatArray:
        """Compute the vectors of some slots.

        Args:
            batch: The batch.
            slots: [K] flat slots.

        Returns:
            [K, H], which the caller owns.
        """
        ...


class CompiledEncoder(Protocol):
    """An encoder compiled for this processor."""

    def request(self) -> InferenceRequest:
        """Create a request with buffers of its own."""
        ...


class SingleGraphEncoder:
    """One graph for all slots, one for few slots."""

    def __init__(self, create_emitter: EmitterFactory, settings: Settings) -> None:
        """Compile nothing yet; `settings` are OpenVINO's."""
        self._core = get_core()  # created here, since every user of the encoder needs it
        self._create_emitter = create_emitter
        self._settings = settings
        self._compiled: dict[Callable[[OpenVinoEmitter], Model], CompiledModel] = {}
        self._lock = threading.Lock()

    def request(self) -> InferenceRequest:
        """Create a request with buffers of its own."""
        return _SingleGraphRequest(self)

    def create_request(self, graph: Callable[[OpenVinoEmitter], Model]) -> InferRequest:
        """Create OpenVINO's request for a graph; compiles the graph at its first use."""
        with self._lock:
            if graph not in self._compiled:
                model = graph(self._create_emitter())
                self._compiled[graph] = self._core.compile_model(model, "CPU", self._settings)
            return self._compiled[graph].create_infer_request()


class LayerwiseEncoder:
    """A graph for the embeddings, and one for each layer with parameters of its own."""

    def __init__(self, create_emitter: EmitterFactory, settings: Settings) -> None:
        """Compile all graphs; `settings` are OpenVINO's."""
        core, emit = get_core(), create_emitter()
        self._embeddings = core.compile_model(build_embeddings_graph(emit), "CPU", settings)
        self._prefixes = list_layer_prefixes(emit.config)
        self._layers: dict[str, CompiledModel] = {
            prefix: core.compile_model(build_layer_graph(emit, prefix), "CPU", settings)
            for prefix in dict.fromkeys(self._prefixes)
        }

    def request(self) -> InferenceRequest:
        """Create a request with buffers of its own."""
        layers = {
            prefix: compiled.create_infer_request() for prefix, compiled in self._layers.items()
        }
        return _LayerwiseRequest(
            self._embeddings.create_infer_request(), [layers[prefix] for prefix in self._prefixes]
        )


class _SingleGraphRequest:
    def __init__(self, encoder: SingleGraphEncoder) -> None:
        self._encoder = encoder
        self._all: InferRequest | None = None
        self._few: InferRequest | None = None

    def vectors(self, batch: PackedBatch, slots: Int64Array) -> FloatArray:
        inputs = [batch.ids, batch.type_ids, batch.positions, batch.segment_ids]
        if len(slots) == len(batch.slots):
            self._all = self._all or self._encoder.create_request(build_encoder_graph)
            run_request(self._all, inputs)
            return copy_output(self._all, slots)
        self._few = self._few or self._encoder.create_request(build_reading_graph)
        K = len(slots)
        read = np.zeros(max(1, -(-K // READ_STEP)) * READ_STEP, np.int64)
        read[:K] = slots
        run_request(self._few, [*inputs, read])
        return copy_output(self._few, np.arange(K))


class _LayerwiseRequest:
    """layers: the requests in the order of the layers, the same one for each repetition."""

    def __init__(self, embeddings: InferRequest, layers: list[InferRequest]) -> None:
        self._embeddings = embeddings
        self._layers = layers

    def vectors(self, batch: PackedBatch, slots: Int64Array) -> FloatArray:
        ov = import_openvino()
        run_request(self._embeddings, [batch.ids, batch.type_ids, batch.positions])
        before = self._embeddings.get_output_tensor(0)
        after, spare = (ov.Tensor(before.element_type, before.shape) for _ in range(2))
        segment_ids = ov.Tensor(batch.segment_ids, shared_memory=True)
        for layer in self._layers:
            layer.set_input_tensor(0, before)
            layer.set_input_tensor(1, segment_ids)
            layer.set_output_tensor(0, after)
            _compute(layer)
            before, after, spare = after, spare, before
        return _flatten(before.data)[slots]


def run_request(request: InferRequest, inputs: Sequence[Int32Array | Int64Array]) -> None:
    """Compute with these inputs, without a copy."""
    ov = import_openvino()
    for number, values in enumerate(inputs):
        request.set_input_tensor(number, ov.Tensor(values, shared_memory=True))
    _compute(request)


def copy_output(request: InferRequest, numbers: Int64Array) -> FloatArray:
    """Copy vectors [K, H] of a request's output, which its next call overwrites."""
    return _flatten(request.get_output_tensor(0).data)[numbers]


def _compute(request: InferRequest) -> None:
    """Start and wait: with more than one thread the library's `infer` takes longer."""
    try:
        request.start_async()
    finally:
        request.wait()  # after Ctrl-C too: the inputs' memory must outlive the computation


def _flatten(vectors: FloatArray) -> FloatArray:
    return vectors.reshape(-1, vectors.shape[-1])
