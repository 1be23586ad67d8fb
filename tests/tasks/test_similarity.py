"""The four measures against sentence-transformers' own."""

from __future__ import annotations

from typing import Any

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


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
def test_no_vectors_have_no_similarities(make: Any, measure: Similarity) -> None:
    nothing, some = make(np.empty(0, np.float32)), make(LEFT)  # as encode gives them
    for left, right, shape in (
        (nothing, some, (0, 7)),
        (some, nothing, (7, 0)),
        (nothing, nothing, (0, 0)),
        (some[:0], nothing, (0, 0)),
    ):
        result = similarity(left, right, measure)
        assert (type(result), tuple(result.shape)) == (type(some), shape)
    for right in (nothing, some[:0]):
        assert tuple(similarity_pairwise(nothing, right, measure).shape) == (0,)
    with pytest.raises(InputError, match=r"\[inputs-shape\]"):
        similarity_pairwise(nothing, some, measure)


def test_lists_are_read_too() -> None:
    np.testing.assert_array_equal(similarity(LEFT.tolist(), LEFT), similarity(LEFT, LEFT))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("measure", MEASURES)
def test_tensors_give_the_tensors_of_sentence_transformers(
    measure: Similarity, dtype: torch.dtype
) -> None:
    left, right = torch.tensor(LEFT, dtype=dtype), torch.tensor(RIGHT, dtype=dtype)
    for ours, theirs in (
        (similarity(left, right[:4], measure), SimilarityFunction.to_similarity_fn(measure)),
        (
            similarity_pairwise(left, right, measure),
            SimilarityFunction.to_similarity_pairwise_fn(measure),
        ),
    ):
        expected = theirs(left, right[:4] if ours.ndim == 2 else right)
        assert isinstance(ours, torch.Tensor)
        assert ours.dtype == expected.dtype
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("measure", MEASURES)
def test_gradients_flow_through_tensors(measure: Similarity) -> None:
    left = torch.tensor(LEFT, requires_grad=True)
    similarity(left, torch.tensor(RIGHT), measure).sum().backward()
    assert left.grad is not None
    assert left.grad.abs().sum() > 0
    best = torch.topk(similarity(left, torch.tensor(RIGHT), measure)[0], k=5)
    assert best.values.shape == (5,)


def test_an_array_and_a_tensor_give_a_tensor() -> None:
    ours = similarity(torch.tensor(LEFT), RIGHT)
    torch.testing.assert_close(ours, torch.tensor(similarity(LEFT, RIGHT)))
    assert isinstance(similarity(LEFT, torch.tensor(RIGHT)), torch.Tensor)


@pytest.mark.parametrize(
    ("left", "right"),
    [(LEFT, RIGHT[:, :4]), (torch.tensor(LEFT), torch.tensor(RIGHT[:, :4])), (LEFT[None], RIGHT)],
    ids=["widths", "widths of tensors", "axes"],
)
def test_shapes_that_do_not_fit_are_refused(left: object, right: object) -> None:
    with pytest.raises(InputError, match=r"\[inputs-shape\]"):
        similarity(left, right)  # type: ignore[call-overload]  # any type may come


@pytest.mark.parametrize("texts", [["a text", "another"], "a text", [[1.0], [1.0, 2.0]], None])
def test_what_is_no_vector_is_refused(texts: object) -> None:
    with pytest.raises(InputError, match=r"left is .*\[option-invalid\]"):
        similarity(texts, RIGHT)  # type: ignore[call-overload]  # any type may come


def test_no_vectors_give_an_empty_table() -> None:
    assert similarity(np.empty((0, 9)), LEFT, "manhattan").shape == (0, 7)


def test_unequal_numbers_have_no_pairs() -> None:
    with pytest.raises(InputError, match=r"\[7, 9\].*\[3, 9\].*\[inputs-shape\]"):
        similarity_pairwise(LEFT, RIGHT[:3])
