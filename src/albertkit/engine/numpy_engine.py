"""The engine without a compiler: numpy alone, for a few short texts in a fresh process.

It is done before OpenVINO is imported; for more texts OpenVINO is faster (benchmarks/).
"""

from __future__ import annotations

import numpy as np

from albertkit.arrays import FloatArray, Int32Array
from albertkit.engine.outputs import check_request, compute_outputs, list_read_tokens
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch, Precision
from albertkit.graph.encoder import MASKED_SCORE, emit_encoder
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.parameters import CachedArrays


class NumpyEngine:
    """Runs one model in numpy; the weights may be views of a mapped file."""

    name = "numpy"
    precision: Precision = "float32"

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._emit = NumpyEmitter(weights.config, CachedArrays(weights.arrays))

    @property
    def config(self) -> AlbertConfig:
        """The model's config."""
        return self.weights.config

    def run(self, batch: PackedBatch, request: OutputRequest) -> Outputs:
        """Compute what is requested; raises InputError as `check_request`."""
        check_request(self.weights, batch, request)
        read = list_read_tokens(batch, request)
        slots = batch.slots if read is None else batch.slots[read]
        vectors = emit_encoder(
            self._emit,
            self.config,
            ids=batch.ids,
            type_ids=batch.type_ids,
            positions=batch.positions,
            mask=text_mask(batch.segment_ids),
            read=lambda rows: rows.reshape(-1, rows.shape[-1])[slots],
        )  # [K, H]
        return compute_outputs(self._emit, vectors, batch.offsets, request, read)

    def close(self) -> None:
        """Do nothing: there is no memory besides the weights."""


def text_mask(segment_ids: Int32Array) -> FloatArray:
    """The mask [R, 1, W, W]: 0 between slots of one text, MASKED_SCORE elsewhere.

    Empty slots see each other, so that no softmax is over nothing.
    """
    same = segment_ids[:, None, :, None] == segment_ids[:, None, None, :]
    return np.where(same, np.float32(0), np.float32(MASKED_SCORE))
