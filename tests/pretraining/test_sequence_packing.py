"""Rows are filled without overlap, and nothing is taken twice or lost before the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from albertkit.pretraining.sequence_packing import filled_rows


@given(
    st.lists(st.integers(1, 20), max_size=400),
    st.integers(1, 5),
    st.sampled_from([3, 40]),
)
def test_items_lie_in_rows_without_overlap(lengths: list[int], rows: int, most: int) -> None:
    width = 20
    items = [[number] * length for number, length in enumerate(lengths)]
    seen: list[int] = []
    for placed in filled_rows(iter(items), rows, width, most):
        assert 0 < len(placed) <= most
        taken: set[tuple[int, int]] = set()
        for each in placed:
            slots = {(each.row, each.at + n) for n in range(len(each.item))}
            assert not slots & taken
            assert each.row < rows
            assert each.at + len(each.item) <= width
            taken |= slots
            seen.append(each.item[0])
    assert len(seen) == len(set(seen))
    left = sum(lengths) - sum(lengths[number] for number in seen)
    assert left < rows * width


def test_short_items_fill_rows_nearly_whole() -> None:
    chances = [3 + (7 * n) % 11 for n in range(2000)]
    batches = list(filled_rows(iter([[0] * n for n in chances]), 8, 64, 512))
    fill = sum(len(p.item) for b in batches for p in b) / (len(batches) * 8 * 64)
    assert fill > 0.98
