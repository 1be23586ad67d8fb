"""Rows are filled without overlap, and no item is taken twice or lost before the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from albertkit.pretraining.sequence_packing import pack_rows


@given(
    st.lists(st.integers(1, 20), max_size=400),
    st.integers(1, 5),
    st.sampled_from([3, 40]),
)
def test_items_are_in_rows_without_overlap(lengths: list[int], rows: int, most: int) -> None:
    width = 20
    items = [[number] * length for number, length in enumerate(lengths)]
    seen: list[int] = []
    for batch in pack_rows(iter(items), rows, width, most):
        assert 0 < len(batch) <= most
        taken: set[tuple[int, int]] = set()
        for packed in batch:
            slots = {(packed.row, packed.column + n) for n in range(len(packed.item))}
            assert not slots & taken
            assert packed.row < rows
            assert packed.column + len(packed.item) <= width
            taken |= slots
            seen.append(packed.item[0])
    assert len(seen) == len(set(seen))
    left = sum(lengths) - sum(lengths[number] for number in seen)
    assert left < rows * width


def test_a_row_takes_the_longest_item_that_fits_and_the_oldest_of_its_length() -> None:
    items = ["aaa", "bbbb", "cccc", "dd", "ee", "fff", "gggg", "h" * 6]
    (first, *_) = pack_rows(iter(items), rows=2, width=6, max_items=9)
    assert [(p.item, p.row, p.column) for p in first] == [
        ("h" * 6, 0, 0),
        ("bbbb", 1, 0),
        ("dd", 1, 4),
    ]


def test_short_items_fill_rows_nearly_whole() -> None:
    lengths = [3 + (7 * n) % 11 for n in range(2000)]
    batches = list(pack_rows(iter([[0] * n for n in lengths]), 8, 64, 512))
    fill = sum(len(p.item) for b in batches for p in b) / (len(batches) * 8 * 64)
    assert fill > 0.98
