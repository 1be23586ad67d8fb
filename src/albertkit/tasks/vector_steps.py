"""What comes after pooling: dense layers, lengths of one, fewer dimensions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.graph.single_core import single_core_matmul
from albertkit.spec import AlbertConfig
from albertkit.spec.pooling_config import Dense, VectorStep

# Source: torch.nn.functional.normalize, which divides by no less, so that zeros stay zeros.
SHORTEST = np.float32(1e-12)


def apply_steps(
    steps: Iterable[VectorStep], vectors: FloatArray, config: AlbertConfig
) -> FloatArray:
    """The steps of a PoolingConfig on pooled vectors [N, H] → [N, D]."""
    for step in steps:
        vectors = dense(step, vectors, config) if isinstance(step, Dense) else normalised(vectors)
    return vectors


def dense(layer: Dense, vectors: FloatArray, config: AlbertConfig) -> FloatArray:
    """activation(vectors · weightᵀ + bias), [N, in] → [N, out].

    One vector after another and on one core: a product of several sums in an order that depends
    on how many they are, and a shared one on the number of cores.
    """
    bias = np.zeros(len(layer.weight), np.float32) if layer.bias is None else layer.bias
    emit = NumpyEmitter(config, {"weight": layer.weight, "bias": bias}, single_core_matmul)
    sums = np.empty((len(vectors), len(layer.weight)), np.float32)
    for number, vector in enumerate(vectors):
        sums[number] = emit.linear(vector[None], "weight", "bias")[0]
    return emit.activate(sums, layer.activation)


def normalised(vectors: FloatArray) -> FloatArray:
    """Each vector divided by its length, along the last axis."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), SHORTEST)
    units: FloatArray = np.divide(vectors, lengths, dtype=np.float32)
    return units
