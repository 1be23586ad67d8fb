"""Matrix products of numpy on one core, and so bit-identical whatever the number of cores.

Shared among cores, a product is split by the number of cores, and sums at a split are computed in
another order. Here a product is split by its own shape, into tiles that OpenBLAS computes on the
caller's core. They are slower than one product on one core: for a text of 512 tokens at
albert-base's shape by nothing for one masked word, a tenth for the words of all tokens, a sixth
for spans with 5 starts (benchmarks/one_core.py). Tiles split in depth, too, would be faster, in
three times the code.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from albertkit.arrays import FloatArray

# Multiplications up to which OpenBLAS stays on the caller's core: its SMP_THRESHOLD_MIN times
# GEMM_MULTITHREAD_THRESHOLD, 65,536 · 4 (interface/gemm.c).
ONE_CORE = 2**18
# The same for a matrix and a vector: 2,304 · 4 are shared, one less are not (interface/gemv.c).
ONE_CORE_OF_A_VECTOR = 2304 * 4 - 1


def single_core_matmul(x: FloatArray, weight: FloatArray) -> FloatArray:
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
    """Choose the size of a tile with at most ONE_CORE multiplications.

    Args:
        height: Number of rows of the product.
        depth: Multiplications for each number.

    Returns:
        (rows, columns), as square as possible with at most `height` rows.
    """
    area = max(1, ONE_CORE // depth)
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
    rows = max(1, ONE_CORE_OF_A_VECTOR // K)
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
