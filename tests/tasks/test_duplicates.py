"""Near-duplicates against the obvious loop over all pairs of rows."""

from __future__ import annotations

import numpy as np
import pytest

from albertkit import community_detection
from albertkit.engine.pooling import normalize
from albertkit.errors import InputError
from albertkit.tasks import duplicates
from albertkit.tasks.duplicates import find_duplicates, make_unit_vectors
from albertkit.tasks.nearest import Corpus
from albertkit.tasks.vector_types import quantize_embeddings

RNG = np.random.default_rng(8)
CENTERS = RNG.normal(size=(40, 16))
VECTORS = np.concatenate([CENTERS + RNG.normal(size=(40, 16)) * 0.3 for _ in range(6)])
UNIT = normalize(VECTORS.astype(np.float32))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "CHECKED_ROWS", 17)
    monkeypatch.setattr(duplicates, "BLOCK_ROWS", 11)
    monkeypatch.setattr(duplicates, "BOUND_ROWS", 11)


@pytest.mark.parametrize("threshold", [-1.0, 0.5, 0.8, 0.95, 1.0])
def test_a_duplicate_has_the_nearest_row_that_was_kept_before_it(threshold: float) -> None:
    kept: list[int] = []
    expected: list[int] = []
    for row, vector in enumerate(UNIT):
        scores = UNIT[kept] @ vector if kept else np.array([-2.0])
        best = int(scores.argmax())
        is_duplicate = scores[best] >= threshold
        expected.append(kept[best] if is_duplicate else row)
        if not is_duplicate:
            kept.append(row)
    nearest, scores = find_duplicates(UNIT.copy(), threshold)
    assert nearest.tolist() == expected
    own = np.einsum("nd,nd->n", UNIT, UNIT[nearest])
    np.testing.assert_allclose(scores, own, atol=1e-6)


def test_equal_vectors_are_duplicates_at_every_threshold() -> None:
    unit = make_unit_vectors(Corpus.of([VECTORS.astype(np.float32)], "float32", 16))
    twice = np.concatenate([unit, unit])
    assert (np.einsum("nd,nd->n", unit, unit) < 1).any()  # as float32 rounds
    nearest, _ = find_duplicates(twice, 1)
    assert nearest.tolist() == [*range(len(unit)), *range(len(unit))]


@pytest.mark.parametrize("threshold", [np.nan, np.inf, -np.inf, 1.1, -1.5])
def test_a_threshold_is_a_cosine(threshold: float) -> None:
    with pytest.raises(InputError, match=r"threshold is .*\[option-invalid\]"):
        find_duplicates(UNIT.copy(), threshold)
    with pytest.raises(InputError, match=r"threshold is .*\[option-invalid\]"):
        community_detection(UNIT, threshold)


def test_a_vector_that_is_not_finite_is_no_duplicate() -> None:
    vectors = np.repeat(UNIT[:1], 40, axis=0)
    vectors[3, 2], vectors[20, 0] = np.nan, np.inf
    unit = make_unit_vectors(Corpus.of([vectors], "float32", 16))
    nearest, _ = find_duplicates(unit, 0.9)
    assert np.flatnonzero(nearest == np.arange(40)).tolist() == [0, 3, 20]


def test_quantized_vectors_become_floats_of_length_one() -> None:
    ranges = np.stack([UNIT.min(axis=0), UNIT.max(axis=0)])
    stored = quantize_embeddings(UNIT, "int8", ranges)
    unit = make_unit_vectors(Corpus.of([stored[:99], stored[99:]], "int8", 16, ranges=ranges))
    np.testing.assert_allclose(unit, UNIT, atol=0.02)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
