"""Arrays are fetched once, and lie as products want them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.spec.parameters import CachedArrays


class CountedArrays(Mapping[str, FloatArray]):
    """Converts at each question, as the reader of a float16 file does."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> FloatArray:
        self.asked.append(name)
        return np.arange(6, dtype=np.float16).reshape(2, 3).T.astype(np.float32)

    def __iter__(self) -> Iterator[str]:
        return iter(["a", "b"])

    def __len__(self) -> int:
        return 2


def test_an_array_is_asked_for_once() -> None:
    arrays = CountedArrays()
    held = CachedArrays(arrays)
    assert arrays.asked == []
    assert held["a"] is held["a"]
    assert arrays.asked == ["a"]
    assert (list(held), len(held)) == (["a", "b"], 2)


def test_an_array_in_another_order_is_laid_out_anew() -> None:
    assert CachedArrays(CountedArrays())["a"].flags.c_contiguous


def test_an_array_at_an_odd_address_is_laid_out_anew() -> None:
    raw = np.arange(17, dtype=np.uint8)[1:].view(np.float32)
    held = CachedArrays({"a": raw})["a"]
    assert held.flags.aligned
    np.testing.assert_array_equal(held, raw)


def test_a_good_array_stays_where_it_lies() -> None:
    array = np.ones((2, 2), np.float32)
    array.flags.writeable = False
    assert CachedArrays({"a": array})["a"] is array
