"""Token vectors → one vector a text: pooling, then the modules that follow it.

Outside the graph, so that all engines pool alike. Only a text's own tokens count, [CLS] and [SEP]
included; there is no padding to leave out. The pooler has weights, and comes from the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.protocol import OutputRequest, Outputs, require_output
from albertkit.graph.numpy_emitter import NumpyEmitter, multiply_on_one_core
from albertkit.spec import AlbertConfig
from albertkit.spec.pooling_config import (
    LEAST_NORM,
    Dense,
    DenseActivation,
    LayerNorm,
    Poolings,
    VectorStep,
    is_encoder_activation,
)

# Source: torch.nn.functional.normalize, which divides by no less, so that zeros stay zeros.
# Source: torch.nn.LayerNorm, whose default sentence-transformers keeps.
LAYER_NORM_EPS = np.float32(1e-5)
# Source: torch.nn.SELU.
SELU_SCALE, SELU_ALPHA = np.float32(1.0507009873554805), np.float32(1.6732632423543772)
TOKENS, POOLED = OutputRequest(tokens=True), OutputRequest(pooled=True)


def make_pooling_request(pooling: Poolings) -> OutputRequest:
    """What an engine must compute so that `pool` can work."""
    return POOLED if pooling == "pooler" else TOKENS


def pool(  # noqa: PLR0911
    outputs: Outputs, offsets: Int64Array, pooling: Poolings, prompt_length: int = 0
) -> FloatArray:
    """One vector a text.

    A text that is no longer than the prompt (its pieces merged with the prompt's, or it was
    truncated) has zeros, of "max" -inf, and of "cls" its first token, as in sentence-transformers.

    Args:
        outputs: What the engine gave for `make_pooling_request(pooling)`.
        offsets: [N + 1]; text n owns tokens[offsets[n]:offsets[n + 1]], at least one.
        pooling: The kind of pooling, or several.
        prompt_length: How many tokens at the start of each text are left out.

    Returns:
        [N, H] float32; [N, K·H] of K kinds.
    """
    if isinstance(pooling, tuple):
        return np.concatenate(
            [pool(outputs, offsets, mode, prompt_length) for mode in pooling], axis=1
        )
    if pooling == "pooler":
        return require_output(outputs.pooled)
    vectors = require_output(outputs.tokens)
    lengths = np.diff(offsets)  # [N]
    skipped = np.minimum(lengths, prompt_length)  # [N]
    match pooling:
        case "mean":
            return mean_pool(vectors, offsets, skipped)
        case "max":
            return _reduce(np.maximum, vectors, offsets, skipped)
        case "cls":
            return vectors[offsets[:-1] + np.where(lengths > skipped, skipped, 0)]
        case "last":
            last: FloatArray = vectors[offsets[1:] - 1]
            last[lengths == skipped] = 0
            return last
        case "mean_sqrt_len":
            roots: FloatArray = np.sqrt(np.maximum(lengths - skipped, 1)).astype(np.float32)  # [N]
            return mean_pool(vectors, offsets, skipped) * roots[:, None]
        case "weighted_mean":
            return position_mean_pool(vectors, offsets, skipped)


def mean_pool(vectors: FloatArray, offsets: Int64Array, skipped: Int64Array) -> FloatArray:
    """Average the token vectors [T, H] of each text after the skipped ones [N] → [N, H]."""
    sums = _reduce(np.add, vectors, offsets, skipped)  # [N, H]
    counts: Int64Array = np.maximum(np.diff(offsets) - skipped, 1)[:, None]  # [N, 1]
    means: FloatArray = np.divide(sums, counts, out=sums, casting="same_kind")
    return means


def position_mean_pool(vectors: FloatArray, offsets: Int64Array, skipped: Int64Array) -> FloatArray:
    """As `mean_pool`, token k with the weight k; skipped tokens count for k."""
    lengths = np.diff(offsets)  # [N]
    weights = np.arange(1, offsets[-1] + 1) - np.repeat(offsets[:-1], lengths)  # [T]
    weighted = vectors * weights[:, None].astype(np.float32)  # [T, H]
    sums = _reduce(np.add, weighted, offsets, skipped)  # [N, H]
    # 1 + 2 + … + length, without the weights of the skipped tokens
    totals = ((lengths * (lengths + 1) - skipped * (skipped + 1)) / 2).astype(np.float32)
    totals = np.maximum(totals, np.float32(1))
    means: FloatArray = sums / totals[:, None]
    return means


def apply_modules(
    modules: Iterable[VectorStep], vectors: FloatArray, config: AlbertConfig
) -> FloatArray:
    """Apply the modules of a PoolingConfig to pooled vectors [N, H] → [N, D]."""
    for module in modules:
        if isinstance(module, Dense):
            vectors = apply_dense(module, vectors, config)
        elif isinstance(module, LayerNorm):
            vectors = apply_layer_norm(module, vectors)
        else:
            vectors = normalize(vectors)
    return vectors


def apply_dense(layer: Dense, vectors: FloatArray, config: AlbertConfig) -> FloatArray:
    """activation(vectors · weightᵀ + bias), [N, in] → [N, out].

    One vector after another and on one core: the order of a product's sums depends on the number
    of its rows, and on the number of cores.
    """
    bias = np.zeros(len(layer.weight), np.float32) if layer.bias is None else layer.bias
    emit = NumpyEmitter(config, {"weight": layer.weight, "bias": bias}, multiply_on_one_core)
    sums = np.empty((len(vectors), len(layer.weight)), np.float32)
    for number, vector in enumerate(vectors):
        sums[number] = emit.linear(vector[None], "weight", "bias")[0]
    if is_encoder_activation(layer.activation):
        return emit.activate(sums, layer.activation)
    return DENSE_ONLY_ACTIVATIONS[layer.activation](sums)


def apply_layer_norm(norm: LayerNorm, vectors: FloatArray) -> FloatArray:
    """Layer-normalize each vector, [N, D] → [N, D]."""
    centred = vectors - vectors.mean(-1, keepdims=True)
    variances = np.mean(centred * centred, -1, keepdims=True)  # [N, 1]
    result: FloatArray = centred / np.sqrt(variances + LAYER_NORM_EPS) * norm.weight + norm.bias
    return result


def normalize(vectors: FloatArray) -> FloatArray:
    """Scale each vector to length 1, along the last axis."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(LEAST_NORM))
    units: FloatArray = np.divide(vectors, lengths, dtype=np.float32)
    return units


def _reduce(
    function: np.ufunc, vectors: FloatArray, offsets: Int64Array, skipped: Int64Array
) -> FloatArray:
    """[T, H] → [N, H], without the first `skipped` [N] tokens of each text.

    Text by text: numpy's `reduceat` takes seven times as long at 128 tokens.
    """
    nothing = -np.inf if function is np.maximum else 0  # of a text without tokens
    results = np.empty((len(offsets) - 1, vectors.shape[1]), vectors.dtype)
    begins = (offsets[:-1] + skipped).tolist()
    for text, (begin, end) in enumerate(zip(begins, offsets[1:].tolist(), strict=True)):
        if begin < end:
            function.reduce(vectors[begin:end], axis=0, out=results[text])
        else:
            results[text] = nothing
    return results


def _elu(x: FloatArray, alpha: np.float32) -> FloatArray:
    """x above zero, alpha · (eˣ - 1) below."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _sigmoid(x: FloatArray) -> FloatArray:
    """1 / (1 + e⁻ˣ), with tanh, which does not overflow."""
    y: FloatArray = (np.tanh(x * np.float32(0.5)) + 1) * np.float32(0.5)
    return y


def _softplus(x: FloatArray) -> FloatArray:
    """log(1 + eˣ), without overflow."""
    y: FloatArray = np.logaddexp(x, np.float32(0))
    return y


def _hard_sigmoid(x: FloatArray) -> FloatArray:
    """A line from 0 at -3 to 1 at 3."""
    return np.clip(x + 3, 0, 6) / np.float32(6)


DENSE_ONLY_ACTIVATIONS: Mapping[DenseActivation, Callable[[FloatArray], FloatArray]] = (
    MappingProxyType(
        {
            "elu": lambda x: _elu(x, np.float32(1)),
            "hardsigmoid": _hard_sigmoid,
            "hardswish": lambda x: x * _hard_sigmoid(x),
            "hardtanh": lambda x: np.clip(x, -1, 1),
            "leaky_relu": lambda x: np.where(x > 0, x, x * np.float32(0.01)),
            "log_sigmoid": lambda x: -_softplus(-x),
            "mish": lambda x: x * np.tanh(_softplus(x)),
            "relu6": lambda x: np.clip(x, 0, 6),
            "selu": lambda x: SELU_SCALE * _elu(x, SELU_ALPHA),
            "sigmoid": _sigmoid,
            "softplus": _softplus,
            "softsign": lambda x: x / (1 + np.abs(x)),
        }
    )
)
