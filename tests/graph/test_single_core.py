"""Products that keep their bits on any number of cores."""

from __future__ import annotations

import numpy as np
import pytest

from albertkit.arrays import FloatArray
from albertkit.graph.numpy_emitter import ONE_CORE_PRODUCTS, choose_tile, multiply_on_one_core

# (M, K, N): vectors on either side, tiles with a row and a column more than their number, one
# piece, and nothing
SHAPES = [
    (1, 128, 1601),
    (1, 768, 768),
    (513, 770, 1),
    (19, 768, 37),
    (57, 4096, 65),
    (130, 128, 2000),
    (2, 30, 2),
    (1, 5, 1),
    (0, 16, 40),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_product(shape: tuple[int, int, int]) -> None:
    x, weight = values(shape)
    expected = x.astype(np.float64) @ weight.T.astype(np.float64)
    np.testing.assert_allclose(
        multiply_on_one_core(x, weight), expected, rtol=0, atol=1e-6 * shape[1]
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_the_bits_are_those_of_one_thread(shape: tuple[int, int, int]) -> None:
    import threadpoolctl

    x, weight = values(shape)
    with threadpoolctl.threadpool_limits(1, "blas"):
        alone = multiply_on_one_core(x, weight)
    for threads in (2, 3, 5, 8):
        with threadpoolctl.threadpool_limits(threads, "blas"):
            np.testing.assert_array_equal(multiply_on_one_core(x, weight), alone)


@pytest.mark.parametrize("height", [1, 3, 64, 10_000])
@pytest.mark.parametrize("depth", [16, 768, 16_384, 2**19])
def test_a_tile_is_little_enough_for_one_core(height: int, depth: int) -> None:
    rows, columns = choose_tile(height, depth)
    assert 1 <= rows <= height
    assert rows * columns * depth <= max(ONE_CORE_PRODUCTS, depth)


def values(shape: tuple[int, int, int]) -> tuple[FloatArray, FloatArray]:
    M, K, N = shape
    rng = np.random.default_rng(K)
    return (
        rng.normal(0, 1, (M, K)).astype(np.float32),
        rng.normal(0, 1, (N, K)).astype(np.float32),
    )
