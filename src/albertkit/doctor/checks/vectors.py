"""Vectors: whether different texts have different vectors, and numbers beyond float16."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.doctor.catalogue import find_symptom
from albertkit.doctor.checks.tensors import is_trained
from albertkit.doctor.examined import PROBE_SENTENCES, ExaminedModel
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.pooling import apply_modules
from albertkit.errors import Diagnostic
from albertkit.graph.numpy_emitter import NumpyEmitter, matmul
from albertkit.spec import Weights

ALIKE = 0.8  # mean cosine of different sentences
LARGEST_FLOAT16 = 65_504.0


def check_vectors(model: ExaminedModel) -> Iterator[Diagnostic]:
    """Compute the vectors of plain sentences; look at their cosines, and at the numbers inside."""
    loaded, tokenizer = model.loaded, model.tokenizer
    if loaded is None or tokenizer is None:
        return
    pooling = loaded.pooling
    engine = _WatchedEngine(loaded.weights)
    sentences = list(PROBE_SENTENCES)
    if pooling is not None:
        sentences = [pooling.as_read(text) for text in sentences]
    encodings = tokenizer.encode_batch(sentences, max_length=loaded.max_length)
    kind = "mean" if pooling is None else pooling.pooling
    vectors = compute_text_vectors(engine, encodings, kind)
    if pooling is not None:
        vectors = apply_modules(pooling.steps, vectors, loaded.config)
    if engine.largest > LARGEST_FLOAT16:
        yield find_symptom("float16-overflows").diagnose(
            model.weights_place(),
            evidence=f"in a product, on {len(sentences)} sentences",
            largest=f"{engine.largest:,.0f}",
        )
    cosine = compute_mean_cosine(vectors)
    if cosine > ALIKE and is_trained(loaded.weights):
        trained = pooling is not None
        yield find_symptom("vectors-all-alike").diagnose(
            model.location,
            level="warning" if trained else "note",
            evidence=f"{len(sentences)} sentences, {kind} pooling",
            cosine=f"{cosine:.2f}",
        )


def compute_mean_cosine(vectors: FloatArray) -> float:
    """The mean cosine of all pairs of different rows [N, H]."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    cosines = unit @ unit.T
    return float(cosines[~np.eye(len(unit), dtype=bool)].mean())


class _WatchedEngine(NumpyEngine):
    """The numpy engine, which keeps the largest number of any product."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self.largest = 0.0

        def multiply(x: FloatArray, weight: FloatArray) -> FloatArray:
            product = matmul(x, weight)
            self.largest = max(self.largest, float(np.abs(product).max(initial=0)))
            return product

        arrays: Mapping[str, FloatArray] = self._emit.arrays
        self._emit = NumpyEmitter(weights.config, arrays, multiply)
