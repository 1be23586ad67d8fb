"""How far rounding to int8 turns a model's text vectors, computed before anything is written.

In: weights. Out: the cosine of the text that suffers most, of fixed seeded ids: no runtime and no
tokenizer is needed, and the file that follows computes the same.
"""

from __future__ import annotations

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.graph.encoder import emit_encoder
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.graph.numpy_int8_emitter import NumpyInt8Emitter
from albertkit.graph.quantization_error import compute_cosines
from albertkit.spec import Weights

TEXTS, LENGTH = 8, 32
TEXTS_SEED = 20260


def estimate_cosine(weights: Weights) -> float:
    """The least cosine between the mean token vectors of a text, whole and rounded."""
    whole = _compute_vectors(NumpyEmitter(weights.config, weights.arrays))  # [N, H]
    rounded = _compute_vectors(NumpyInt8Emitter(weights.config, weights.arrays))
    return float(compute_cosines(whole, rounded).min())


def _compute_vectors(emit: NumpyEmitter) -> FloatArray:
    c = emit.config
    length = min(LENGTH, c.max_position_embeddings)
    rng = np.random.default_rng(TEXTS_SEED)
    ids = rng.integers(0, c.vocab_size, (TEXTS, length), dtype=np.int32)
    tokens = emit_encoder(
        emit,
        c,
        ids=ids,
        type_ids=np.zeros_like(ids),
        positions=np.broadcast_to(np.arange(length, dtype=np.int32), ids.shape),
        mask=np.zeros(1, np.float32),
    )
    vectors: FloatArray = tokens.mean(axis=1)
    return vectors
