"""Cosines to the vectors in float32, plain and with the mean taken off."""

from __future__ import annotations

import numpy as np

from albertkit.graph.quantization_error import measure_quantization_error


def test_figures_are_those_of_the_worst_text_and_of_the_average() -> None:
    exact = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    vectors = np.array([[2, 0], [0, 3], [1, 0]], np.float32)
    measured = measure_quantization_error(vectors, exact)
    assert measured.texts == 3
    np.testing.assert_allclose(measured.least, np.sqrt(0.5), rtol=1e-6)
    np.testing.assert_allclose(measured.mean, (2 + np.sqrt(0.5)) / 3, rtol=1e-6)
    assert not measured.is_acceptable


def test_vectors_close_together_have_a_high_cosine_and_a_low_centred_one() -> None:
    rng = np.random.default_rng(0)
    exact = (10 + rng.normal(0, 1, (50, 16))).astype(np.float32)
    vectors = (exact + rng.normal(0, 1, (50, 16))).astype(np.float32)
    measured = measure_quantization_error(vectors, exact)
    assert measured.is_acceptable
    assert not measured.keeps_order
    assert measured.least_centred < measured.mean_centred < 0.9
    assert f"centred {measured.least_centred:.4f}" in measured.line()


def test_vectors_that_are_no_numbers_are_not_enough() -> None:
    exact = np.ones((3, 4), np.float32) + np.eye(3, 4, dtype=np.float32)
    assert not measure_quantization_error(np.full_like(exact, np.nan), exact).is_acceptable
