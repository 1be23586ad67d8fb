"""The Emitter that computes at once, in numpy: the oracle of tests, and the fastest start.

All in float32. Parameters are used without a copy (a mapped file stays mapped); only buffers
created here are written to.

Engines that must give the same bits on any number of cores pass `multiply_on_one_core`. Shared
among cores, a product is split by the number of cores, and sums at a split have another order.
There a product is split by its own shape, into tiles that OpenBLAS computes on the caller's core.
They are slower than one product on one core: for a text of 512 tokens at albert-base's shape by
nothing for one masked word, a tenth for the words of all tokens, a sixth for spans with 5 starts
(benchmarks/one_core.py). Tiles split in depth, too, would be faster, in three times the code.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from albertkit.arrays import FloatArray, Int32Array
from albertkit.spec import AlbertConfig
from albertkit.spec.config_values import Activation
from albertkit.spec.heads import get_norm_eps

# Multiplications up to which OpenBLAS stays on the caller's core: its SMP_THRESHOLD_MIN times
# GEMM_MULTITHREAD_THRESHOLD, 65,536 · 4 (interface/gemm.c).
ONE_CORE_PRODUCTS = 2**18
# The same for a matrix and a vector: 2,304 · 4 are shared, one less are not (interface/gemv.c).
ONE_CORE_VECTOR_PRODUCTS = 2304 * 4 - 1
MatMul: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]  # as `matmul`

# With up to this many multiplications, a millisecond's work, sharing a product between cores does
# not pay: if the other core is busy, the product waits for it.
NOT_WORTH_SHARING = 2**24


class NumpyEmitter:
    """ALBERT's operations on float32 arrays."""

    def __init__(
        self,
        config: AlbertConfig,
        arrays: Mapping[str, FloatArray],
        multiply: MatMul | None = None,
    ) -> None:
        """Create an emitter.

        Args:
            config: The model's config.
            arrays: The parameters by their canonical names.
            multiply: Computes matrix products; None for the fastest, `matmul`.
        """
        self.config = config
        self.arrays = arrays
        self.multiply = multiply or matmul
        self._eps: dict[str, np.float32] = {}

    def lookup(self, table: str, indices: Int32Array) -> FloatArray:
        """As Emitter.lookup."""
        return self.arrays[table][indices]

    def add(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """As Emitter.add."""
        return left + right

    def linear(self, x: FloatArray, weight: str, bias: str) -> FloatArray:
        """As Emitter.linear."""
        flat = x.reshape(-1, x.shape[-1])  # one product of two matrices, however many axes x has
        y = self.multiply(flat, self.arrays[weight])
        y += self.arrays[bias]
        return y.reshape(*x.shape[:-1], y.shape[-1])

    def norm(self, x: FloatArray, name: str) -> FloatArray:
        """As Emitter.norm."""
        y: FloatArray = x - x.mean(-1, keepdims=True)
        variance = np.mean(y * y, -1, keepdims=True)
        if name not in self._eps:
            self._eps[name] = np.float32(get_norm_eps(self.config, name))
        y /= np.sqrt(variance + self._eps[name])
        y *= self.arrays[f"{name}.weight"]
        y += self.arrays[f"{name}.bias"]
        return y

    def activate(self, x: FloatArray, kind: Activation) -> FloatArray:  # noqa: PLR0911
        """As Emitter.activate."""
        match kind:
            case "gelu_tanh":
                return _gelu_tanh(x)
            case "gelu_erf":
                return _gelu_erf(x)
            case "quick_gelu":
                return _swish(x, 1.702)
            case "relu":
                return np.maximum(x, np.float32(0))
            case "silu":
                return _swish(x, 1.0)
            case "tanh":
                return np.tanh(x)
            case "identity":
                return x

    def attention(
        self, query: FloatArray, key: FloatArray, value: FloatArray, mask: FloatArray
    ) -> FloatArray:
        """As Emitter.attention."""
        R, W, H = query.shape
        A = self.config.num_attention_heads
        shape = R, W, A, (D := H // A)
        q = query.reshape(shape).transpose(0, 2, 1, 3)  # [R, A, W, D]
        k = key.reshape(shape).transpose(0, 2, 1, 3)  # [R, A, W, D]
        v = value.reshape(shape).transpose(0, 2, 1, 3)  # [R, A, W, D]
        scores = self._multiply_heads(q, k)  # [R, A, W, W]
        scores *= 1 / math.sqrt(D)
        scores += mask
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        context = self._multiply_heads(scores, v.transpose(0, 1, 3, 2))  # [R, A, W, D]
        context /= scores.sum(-1, keepdims=True)
        return context.transpose(0, 2, 1, 3).reshape(R, W, H)

    def _multiply_heads(self, x: FloatArray, weight: FloatArray) -> FloatArray:
        """Compute x [R, A, M, K] · weight [R, A, N, K]ᵀ → [R, A, M, N]."""
        if self.multiply is matmul:
            y: FloatArray = x @ weight.swapaxes(-1, -2)
            return y
        y = np.empty((*x.shape[:-1], weight.shape[-2]), np.float32)
        for head in np.ndindex(*x.shape[:2]):
            y[head] = self.multiply(x[head], weight[head])
        return y


def matmul(x: FloatArray, weight: FloatArray) -> FloatArray:
    """Compute x [M, K] · weight [N, K]ᵀ → [M, N]; small products use no second core."""
    M, K = x.shape
    N = len(weight)
    limit = ONE_CORE_VECTOR_PRODUCTS if 1 in (M, N) else ONE_CORE_PRODUCTS
    return (
        multiply_on_one_core(x, weight) if limit < M * K * N <= NOT_WORTH_SHARING else x @ weight.T
    )


def _gelu_tanh(x: FloatArray) -> FloatArray:
    """0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))); the cube as products, because powers are slow."""
    y = x * x
    y *= 0.044715
    y += 1
    y *= x
    y *= math.sqrt(2 / math.pi)
    return _scale_by_half_plus(x, np.tanh(y, out=y))


def _gelu_erf(x: FloatArray) -> FloatArray:
    """0.5·x·(1 + erf(x / √2))."""
    return _scale_by_half_plus(x, _erf(x * np.float32(math.sqrt(0.5))))


def _swish(x: FloatArray, beta: float) -> FloatArray:
    """x / (1 + exp(-beta·x)), with tanh, which does not overflow."""
    y = x * np.float32(0.5 * beta)
    return _scale_by_half_plus(x, np.tanh(y, out=y))


def _scale_by_half_plus(x: FloatArray, y: FloatArray) -> FloatArray:
    """0.5·x·(1 + y), written to y."""
    y += 1
    y *= x
    y *= 0.5
    return y


def _erf(x: FloatArray) -> FloatArray:
    """The error function with an error of 1.5e-7; numpy has none.

    Source: Abramowitz & Stegun, Handbook of Mathematical Functions, 7.1.26 (after C. Hastings).
    """
    t = np.abs(x)
    t *= 0.3275911
    t += 1
    np.reciprocal(t, out=t)
    series = np.full_like(t, 1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592, 0.0):
        series *= t
        series += factor
    series *= np.exp(-(x * x))
    erf: FloatArray = np.copysign(1 - series, x)
    return erf


def multiply_on_one_core(x: FloatArray, weight: FloatArray) -> FloatArray:
    """Compute x [M, K] · weight [N, K]ᵀ → [M, N] on one core."""
    M, K = x.shape
    N = len(weight)
    if M == 1:
        return _multiply_vector(weight, x[0])[None]
    if N == 1:
        return _multiply_vector(x, weight[0])[:, None]
    y = np.empty((M, N), np.float32)
    if M == 0:  # a text without a masked word
        return y
    for rows, columns in _list_tiles(M, N, K):
        np.matmul(x[rows], weight[columns].T, out=y[rows, columns])
    return y


def choose_tile(height: int, depth: int) -> tuple[int, int]:
    """Choose the size of a tile with at most ONE_CORE_PRODUCTS multiplications.

    Args:
        height: Number of rows of the product.
        depth: Multiplications for each number.

    Returns:
        (rows, columns), as square as possible with at most `height` rows.
    """
    area = max(1, ONE_CORE_PRODUCTS // depth)
    rows = min(height, math.isqrt(area))
    return rows, area // rows


@functools.lru_cache(1024)  # a model multiplies few shapes, and each many times
def _list_tiles(height: int, width: int, depth: int) -> list[tuple[slice, slice]]:
    """The rows and columns of each tile of a product [height, width]."""
    row_count, column_count = choose_tile(height, depth)
    return [
        (rows, columns)
        for rows in _split_evenly(height, row_count)
        for columns in _split_evenly(width, column_count)
    ]


def _multiply_vector(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    """matrix [N, K] · vector [K] → [N], a number of rows at a time that stays on one core."""
    N, K = matrix.shape
    rows = max(1, ONE_CORE_VECTOR_PRODUCTS // K)
    whole = N // rows * rows
    y = np.empty(N, np.float32)
    np.matmul(matrix[:whole].reshape(-1, rows, K), vector, out=y[:whole].reshape(-1, rows))
    np.matmul(matrix[whole:], vector, out=y[whole:])
    return y


def _split_evenly(count: int, most: int) -> Iterator[slice]:
    """Split 0 … count into slices of at most `most`, whose sizes differ by at most one.

    A last slice of a single row would be a vector, which OpenBLAS shares sooner.
    """
    parts = -(-count // most)
    return (slice(*ends) for ends in pairwise(part * count // parts for part in range(parts + 1)))
