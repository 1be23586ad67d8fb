"""The digits are numpy's shortest, for every bit pattern."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from albertkit.tables.table import round_to_shortest


def check(numbers: npt.NDArray[np.floating]) -> None:
    result = round_to_shortest(numbers)
    assert list(map(repr, result.tolist())) == [repr(float(str(number))) for number in numbers]
    np.testing.assert_array_equal(result.astype(numbers.dtype), numbers)


def test_every_half_float_has_the_fewest_digits_that_identify_it() -> None:
    check(np.arange(2**16, dtype=np.uint16).view(np.float16))


@given(seed=st.integers(0, 2**32))
def test_all_kinds_of_float32_have_the_fewest_digits(seed: int) -> None:
    luck = np.random.default_rng(seed)
    check(luck.integers(0, 2**32, size=200, dtype=np.uint32).view(np.float32))
    check(luck.normal(size=200).astype(np.float32))
    check((10 ** luck.uniform(-14, 9, size=100)).astype(np.float32))


def test_powers_of_two_and_of_ten_have_the_fewest_digits() -> None:
    check((2.0 ** np.arange(-149, 128)).astype(np.float32))
    check((10.0 ** np.arange(-45, 39)).astype(np.float32))


def test_integers_are_unchanged() -> None:
    whole = np.array([[1, -2]], np.int8)
    assert round_to_shortest(whole) is whole
