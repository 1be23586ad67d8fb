"""The four measures against sentence-transformers' own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sentence_transformers.util import SimilarityFunction

from albertkit.errors import InputError
from albertkit.spec.pooling_config import Similarity
from albertkit.tasks.similarity import similarity, similarity_pairwise

MEASURES: tuple[Similarity, ...] = ("cosine", "dot", "euclidean", "manhattan")
CHANCE = np.random.default_rng(1)
LEFT = CHANCE.normal(size=(7, 9)).astype(np.float32)
RIGHT = CHANCE.normal(size=(7, 9)).astype(np.float32)


@pytest.mark.parametrize("measure", MEASURES)
def test_all_pairs_are_as_in_sentence_transformers(measure: Similarity) -> None:
    theirs = SimilarityFunction.to_similarity_fn(measure)(LEFT, RIGHT[:4])
    ours = similarity(LEFT, RIGHT[:4], measure)
    assert ours.shape == (7, 4)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("measure", MEASURES)
def test_pairs_one_by_one_are_as_in_sentence_transformers(measure: Similarity) -> None:
    theirs = SimilarityFunction.to_similarity_pairwise_fn(measure)(LEFT, RIGHT)
    np.testing.assert_allclose(similarity_pairwise(LEFT, RIGHT, measure), theirs, atol=1e-5)


@pytest.mark.parametrize("measure", MEASURES)
def test_one_vector_is_taken_as_one_row(measure: Similarity) -> None:
    assert similarity(LEFT[0], RIGHT, measure).shape == (1, 7)
    assert similarity_pairwise(LEFT[0], RIGHT[0], measure).shape == (1,)


def test_equal_vectors_have_a_distance_of_exactly_zero() -> None:
    assert similarity(LEFT, LEFT, "euclidean").diagonal().tolist() == [0.0] * 7


def test_vectors_of_zeros_are_near_to_nothing() -> None:
    assert similarity(np.zeros((1, 9)), LEFT).tolist() == [[0.0] * 7]


def test_tensors_and_lists_are_read_too() -> None:
    ours = similarity(torch.tensor(LEFT), LEFT.tolist())
    np.testing.assert_array_equal(ours, similarity(LEFT, LEFT))


def test_no_vectors_give_an_empty_table() -> None:
    assert similarity(np.empty((0, 9)), LEFT, "manhattan").shape == (0, 7)


def test_unequal_numbers_have_no_pairs() -> None:
    with pytest.raises(InputError, match=r"\[7, 9\].*\[3, 9\].*\[inputs-shape\]"):
        similarity_pairwise(LEFT, RIGHT[:3])
