"""Token vectors → one vector a text: pooling, then the modules that follow it.

Outside the graph, so that all engines pool alike. Only a text's own tokens count, [CLS] and [SEP]
included; there is no padding to leave out. The pooler has weights, and comes from the engine.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.protocol import OutputRequest, Outputs, require_output
from albertkit.graph.numpy_emitter import NumpyEmitter, single_core_matmul
from albertkit.spec import AlbertConfig
from albertkit.spec.pooling_config import Dense, Pooling, VectorStep

# Source: torch.nn.functional.normalize, which divides by no less, so that zeros stay zeros.
LEAST_NORM = np.float32(1e-12)
TOKENS, POOLED = OutputRequest(tokens=True), OutputRequest(pooled=True)


def pooling_request(pooling: Pooling) -> OutputRequest:
    """What an engine must compute so that `pool` can work."""
    return POOLED if pooling == "pooler" else TOKENS


def pool(outputs: Outputs, offsets: Int64Array, pooling: Pooling) -> FloatArray:
    """One vector a text.

    Args:
        outputs: What the engine gave for `pooling_request(pooling)`.
        offsets: [N + 1]; text n owns tokens[offsets[n]:offsets[n + 1]], at least one.
        pooling: The kind of pooling.

    Returns:
        [N, H] float32.
    """
    if pooling == "pooler":
        return require_output(outputs.pooled)
    vectors = require_output(outputs.tokens)
    match pooling:
        case "mean":
            return mean_pool(vectors, offsets)
        case "max":
            return _reduce(np.maximum, vectors, offsets)
        case "cls" | "last":
            return vectors[offsets[:-1] if pooling == "cls" else offsets[1:] - 1]
        case "mean_sqrt_len":
            roots = np.sqrt(np.diff(offsets)).astype(np.float32)  # [N]
            return mean_pool(vectors, offsets) * roots[:, None]
        case "weighted_mean":
            return position_mean_pool(vectors, offsets)


def mean_pool(vectors: FloatArray, offsets: Int64Array) -> FloatArray:
    """Average the token vectors [T, H] of each text → [N, H]."""
    sums = _reduce(np.add, vectors, offsets)  # [N, H]
    counts: Int64Array = (offsets[1:] - offsets[:-1])[:, None]  # [N, 1]
    means: FloatArray = np.divide(sums, counts, out=sums, casting="same_kind")
    return means


def position_mean_pool(vectors: FloatArray, offsets: Int64Array) -> FloatArray:
    """Average the token vectors [T, H] of each text, token k with the weight k → [N, H]."""
    lengths = np.diff(offsets)  # [N]
    weights = np.arange(1, offsets[-1] + 1) - np.repeat(offsets[:-1], lengths)  # [T]
    sums = _reduce(np.add, vectors * weights[:, None].astype(np.float32), offsets)  # [N, H]
    totals = (lengths * (lengths + 1) / 2).astype(np.float32)  # 1 + 2 + … + length
    means: FloatArray = sums / totals[:, None]
    return means


def apply_modules(
    modules: Iterable[VectorStep], vectors: FloatArray, config: AlbertConfig
) -> FloatArray:
    """Apply the modules of a PoolingConfig to pooled vectors [N, H] → [N, D]."""
    for module in modules:
        if isinstance(module, Dense):
            vectors = apply_dense(module, vectors, config)
        else:
            vectors = normalize(vectors)
    return vectors


def apply_dense(layer: Dense, vectors: FloatArray, config: AlbertConfig) -> FloatArray:
    """activation(vectors · weightᵀ + bias), [N, in] → [N, out].

    One vector after another and on one core: the order of a product's sums depends on the number
    of its rows, and on the number of cores.
    """
    bias = np.zeros(len(layer.weight), np.float32) if layer.bias is None else layer.bias
    emit = NumpyEmitter(config, {"weight": layer.weight, "bias": bias}, single_core_matmul)
    sums = np.empty((len(vectors), len(layer.weight)), np.float32)
    for number, vector in enumerate(vectors):
        sums[number] = emit.linear(vector[None], "weight", "bias")[0]
    return emit.activate(sums, layer.activation)


def normalize(vectors: FloatArray) -> FloatArray:
    """Scale each vector to length 1, along the last axis."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), LEAST_NORM)
    units: FloatArray = np.divide(vectors, lengths, dtype=np.float32)
    return units


def _reduce(function: np.ufunc, vectors: FloatArray, offsets: Int64Array) -> FloatArray:
    """[T, H] → [N, H]. Text by text: numpy's `reduceat` takes seven times as long at 128 tokens."""
    results = np.empty((len(offsets) - 1, vectors.shape[1]), vectors.dtype)
    for text, (begin, end) in enumerate(itertools.pairwise(offsets.tolist())):
        function.reduce(vectors[begin:end], axis=0, out=results[text])
    return results
