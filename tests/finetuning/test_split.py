"""Near duplicates are on one side of a split, and each side has all labels."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from albertkit.finetuning.data import split
from albertkit.finetuning.data.split import assign_folds, find_near_duplicates, make_clusters

RNG = np.random.default_rng(0)


def with_twins(count: int) -> np.ndarray:
    vectors = RNG.normal(size=(count, 32)).astype(np.float32)
    vectors[1::10] = vectors[::10] + 0.01 * vectors[5::10]
    return vectors


def slow_pairs(vectors: np.ndarray) -> list[list[int]]:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    N = len(unit)
    return [[i, j] for i in range(N) for j in range(i + 1, N) if unit[i] @ unit[j] >= 0.95]


def test_near_duplicates_are_those_of_all_pairs() -> None:
    vectors = with_twins(200)
    assert find_near_duplicates(vectors).tolist() == slow_pairs(vectors)


def test_a_direction_that_all_vectors_share_is_not_compared() -> None:
    """The vectors of an encoder that was only pretrained are all alike: cosines of 0.9 and more."""
    vectors = with_twins(200)
    shared = vectors + 60 * np.eye(32, dtype=np.float32)[0]
    assert len(slow_pairs(shared)) == 200 * 199 / 2
    assert find_near_duplicates(shared).tolist() == find_near_duplicates(vectors).tolist()


def test_blocks_do_not_change_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = with_twins(100)
    expected = find_near_duplicates(vectors).tolist()
    monkeypatch.setattr(split, "COMPARED_ROWS", 7)
    assert find_near_duplicates(vectors).tolist() == expected


def test_hashes_find_most_pairs_of_many_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = with_twins(1000)
    expected = find_near_duplicates(vectors).tolist()
    monkeypatch.setattr(split, "ALL_PAIRS", 500)
    pairs = find_near_duplicates(vectors).tolist()
    assert len(pairs) >= 0.9 * len(expected)
    assert all(pair in expected for pair in pairs)


def test_clusters_are_what_pairs_connect() -> None:
    pairs = np.array([[0, 3], [3, 5], [1, 2]])
    assert make_clusters(6, pairs).tolist() == [0, 1, 1, 0, 4, 0]


def test_folds_keep_clusters_whole_and_labels_even() -> None:
    strata = ["a"] * 60 + ["b"] * 30 + ["c"] * 10
    clusters = np.arange(100)
    clusters[[3, 17, 40]] = 3
    folds = assign_folds(clusters, strata, 5, seed=1)
    assert len({folds[3], folds[17], folds[40]}) == 1
    for fold in range(5):
        counts = Counter(np.array(strata)[folds == fold].tolist())
        assert (abs(counts["a"] - 12) <= 2, counts["b"], counts["c"]) == (True, 6, 2)


def test_a_label_of_one_row_is_trained_on() -> None:
    folds = assign_folds(np.arange(9), ["a"] * 8 + ["b"], 5, seed=0)
    assert folds[8] != 0


def test_another_seed_makes_another_split() -> None:
    strata = ["a"] * 50
    splits = {tuple(assign_folds(np.arange(50), strata, 5, seed)) for seed in (0, 0, 1)}
    assert len(splits) == 2
