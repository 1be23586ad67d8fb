"""Products of numpy's on one core alone, and so the same to the bit however many there are.

Shared among cores, a product is cut up by their number, and sums at a cut are made in another
order. So it is cut by its own shape here, into tiles that OpenBLAS leaves to the caller's core.
They take longer than one piece on one core: of an answer about 512 tokens at albert-base's shape
nothing for a masked word, a tenth for the words of all tokens, a sixth for spans with 5 beginnings
(benchmarks/one_core.py). Tiles cut in depth too would take less, in three times the code.
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
    """x [M, K] · weight [N, K]ᵀ → [M, N]."""
    M, K = x.shape
    N = len(weight)
    if M == 1:
        return _times_vector(weight, x[0])[None]
    if N == 1:
        return _times_vector(x, weight[0])[:, None]
    y = np.empty((M, N), np.float32)
    if M == 0:  # of a text without a masked word
        return y
    for rows, columns in _tiles(M, N, K):
        np.matmul(x[rows], weight[columns].T, out=y[rows, columns])
    return y


def _times_vector(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    """matrix [N, K] · vector [K] → [N], so many rows at a time as stay on one core."""
    N, K = matrix.shape
    rows = max(1, ONE_CORE_OF_A_VECTOR // K)
    whole = N // rows * rows
    y = np.empty(N, np.float32)
    np.matmul(matrix[:whole].reshape(-1, rows, K), vector, out=y[:whole].reshape(-1, rows))
    np.matmul(matrix[whole:], vector, out=y[whole:])
    return y


@functools.cache  # the shapes of a model's products are few
def _tiles(height: int, width: int, depth: int) -> list[tuple[slice, slice]]:
    """The rows and columns of each tile of a product [height, width]."""
    rows, columns = tile(height, depth)
    return [(down, right) for down in _even(height, rows) for right in _even(width, columns)]


def tile(height: int, depth: int) -> tuple[int, int]:
    """(rows, columns) of a tile of at most ONE_CORE multiplications, `depth` for each number.

    As square as may be with no more rows than `height`.
    """
    area = max(1, ONE_CORE // depth)
    rows = min(height, math.isqrt(area))
    return rows, area // rows


def _even(count: int, most: int) -> Iterator[slice]:
    """0 … count in stretches of at most `most`, none shorter by more than one.

    A last one of a single row would be a vector, which is shared sooner.
    """
    parts = -(-count // most)
    return (slice(*ends) for ends in pairwise(part * count // parts for part in range(parts + 1)))
