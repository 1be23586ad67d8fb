"""Types of vectors against sentence-transformers' quantize_embeddings."""

from __future__ import annotations

import logging
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sentence_transformers.util import quantization

from albertkit.errors import InputError
from albertkit.tasks.options import VECTOR_TYPES
from albertkit.tasks.vector_types import (
    compute_ranges,
    compute_width,
    get_dtype,
    quantize_embeddings,
)

CHANCE = np.random.default_rng(5)
VECTORS = CHANCE.normal(0, 0.5, (150, 21)).astype(np.float32)
OTHERS = CHANCE.normal(0.1, 0.9, (40, 21)).astype(np.float32)  # many lie outside of the ranges
TheirType: TypeAlias = Literal["float32", "int8", "uint8", "binary", "ubinary"]
THEIRS: list[TheirType] = [kind for kind in VECTOR_TYPES if kind != "float16"]
NUMBERS = st.floats(-1e6, 1e6, width=32)


def theirs(vectors: npt.NDArray[Any], kind: TheirType, **options: Any) -> npt.NDArray[Any]:
    result = quantization.quantize_embeddings(vectors, kind, **options)
    assert isinstance(result, np.ndarray)
    return result


@pytest.mark.parametrize("kind", THEIRS)
@pytest.mark.parametrize("how", ["own", "ranges", "calibration"])
def test_each_type_is_sentence_transformers_to_the_bit(kind: TheirType, how: str) -> None:
    options = {
        "own": {},
        "ranges": {"ranges": np.stack([VECTORS.min(0), VECTORS.max(0)])},
        "calibration": {"calibration_embeddings": VECTORS},
    }[how]
    given_vectors = VECTORS if how == "own" else OTHERS
    mine = quantize_embeddings(given_vectors, kind, **options)
    other = theirs(given_vectors, kind, **options)
    assert mine.dtype == other.dtype == get_dtype(kind)
    assert mine.shape[1] == compute_width(kind, 21)
    np.testing.assert_array_equal(mine, other)


@given(arrays(np.float32, (5, 9), elements=NUMBERS), arrays(np.float32, (7, 9), elements=NUMBERS))
def test_any_numbers_become_theirs(
    vectors: npt.NDArray[Any], calibration: npt.NDArray[Any]
) -> None:
    for kind in THEIRS:
        np.testing.assert_array_equal(
            quantize_embeddings(vectors, kind, calibration_embeddings=calibration),
            theirs(vectors, kind, calibration_embeddings=calibration),
        )


def test_the_known_example_of_bits() -> None:
    vector = np.array([[0.5, -0.5, 0.1, -0.1, 1, 1, -1, -1, 1]], np.float32)
    assert quantize_embeddings(vector, "ubinary").tolist() == [[172, 128]]
    assert quantize_embeddings(vector, "binary").tolist() == [[44, 0]]


def test_half_floats_are_the_nearest() -> None:
    halves = quantize_embeddings(VECTORS, "float16")
    assert halves.dtype == np.float16
    # ten bits behind the first; below 2⁻¹⁴ halves have even steps of 2⁻²⁴
    np.testing.assert_allclose(halves, VECTORS, rtol=2**-11, atol=2**-25)


def test_numbers_outside_of_the_ranges_become_the_nearest_end() -> None:
    ranges = np.array([[0.0], [1.0]])
    outside = np.array([[-3.0], [0.5], [7.0]], np.float32)
    assert quantize_embeddings(outside, "uint8", ranges).tolist() == [[0], [127], [255]]
    assert quantize_embeddings(outside, "int8", ranges).tolist() == [[-128], [-1], [127]]


@pytest.mark.parametrize("kind", THEIRS)
def test_no_vectors_have_the_type_too(kind: TheirType) -> None:
    none = np.empty((0, 21), np.float32)
    mine, other = quantize_embeddings(none, kind), theirs(none, kind)
    assert (mine.shape, mine.dtype) == (other.shape, other.dtype)


def test_a_lone_vector_has_no_ranges() -> None:
    for lone in (VECTORS[:1], VECTORS[0]):
        with pytest.raises(InputError, match=r"from 1 vector; .*\[ranges-missing\]"):
            quantize_embeddings(lone, "int8")
    assert quantize_embeddings(VECTORS[0], "uint8", compute_ranges(VECTORS)).shape == (21,)


def test_ranges_of_few_vectors_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        quantize_embeddings(VECTORS[:20], "int8")
        quantize_embeddings(VECTORS[:20], "int8", calibration_embeddings=VECTORS)
        quantize_embeddings(VECTORS[:20], "binary")
    (record,) = caplog.records
    assert "from 20 vectors" in record.getMessage()
    assert "[ranges-from-few-vectors]" in record.getMessage()


def test_a_vector_that_is_not_finite_changes_no_other() -> None:
    vectors = VECTORS.copy()
    vectors[3, 5], vectors[4, 0] = np.nan, np.inf
    others = np.delete(np.arange(len(vectors)), [3, 4])
    expected = quantize_embeddings(VECTORS[others], "int8")
    np.testing.assert_array_equal(quantize_embeddings(vectors, "int8")[others], expected)
    with pytest.raises(InputError, match=r"from 0 vectors; .*\[ranges-missing\]"):
        quantize_embeddings(vectors[3:5], "int8")


def test_what_cannot_be_done_is_refused_by_name() -> None:
    uneven: Any = [torch.zeros(2), torch.zeros(3)]
    with pytest.raises(InputError, match=r"rows of one length.*\[option-invalid\]"):
        quantize_embeddings(uneven, "int8")
    with pytest.raises(InputError, match=r"precision is 'int4'.*'ubinary'.*\[option-invalid\]"):
        quantize_embeddings(VECTORS, "int4")  # type: ignore[arg-type]  # that is the test
    with pytest.raises(InputError, match=r"\[2, 20\].*\[2, 21\].*\[inputs-shape\]"):
        quantize_embeddings(VECTORS, "int8", compute_ranges(VECTORS[:, :20]))
    with pytest.raises(InputError, match=r"are int8; .*\[option-invalid\]"):
        quantize_embeddings(VECTORS.astype(np.int8), "binary")
    with pytest.raises(InputError, match=r"the nearest is 'ranges'.*\[unknown-keyword\]"):
        quantize_embeddings(VECTORS, "int8", range=None)  # type: ignore[call-arg]
