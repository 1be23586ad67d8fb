"""Every token in exactly one slot of its own, and next to no slot empty."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.axes import CONFIG, random_encodings

from albertkit.engine.packing import (
    CUT,
    FINE_WIDTH_STEP,
    NARROWEST_ROW,
    SLOTS,
    WIDE,
    WIDTH_STEP,
    Layout,
    pack,
    plan,
)
from albertkit.errors import InputError
from albertkit.tokenization.encodings import Encodings

lists_of_lengths = st.lists(st.integers(1, 512), min_size=1, max_size=60)
budgets = st.sampled_from([64, 500, 1024, SLOTS])


@given(lists_of_lengths, budgets)
def test_every_text_stands_in_one_row_that_holds_it(lengths: list[int], slots: int) -> None:
    layouts = plan(lengths, slots=slots)
    seen = Counter(text for layout in layouts for text in layout.texts.tolist())
    assert seen == Counter(range(len(lengths)))
    for layout in layouts:
        assert all(sum(lengths[text] for text in row) <= layout.width for row in layout.rows)


@given(lists_of_lengths, budgets)
def test_a_call_keeps_to_its_slots_unless_one_row_is_wider(lengths: list[int], slots: int) -> None:
    for layout in plan(lengths, slots=slots):
        assert layout.slots <= max(slots, SMALLEST_CALL) or len(layout.rows) == 1


@given(lists_of_lengths)
def test_rows_have_few_widths(lengths: list[int]) -> None:
    for layout in plan(lengths):
        few = sum(lengths) < 256
        alone = len(lengths) == 1
        step = FINE_WIDTH_STEP if few else CUT if layout.width > WIDE else WIDTH_STEP
        assert alone or layout.width % step == 0
        assert alone or few or layout.width >= NARROWEST_ROW


@given(lists_of_lengths, st.integers(0, 9))
@settings(max_examples=50)
def test_every_token_lies_in_one_slot_with_its_type_position_and_owner(
    lengths: list[int], seed: int
) -> None:
    encodings = random_encodings(CONFIG, lengths, seed)
    for layout in plan(lengths):
        batch = pack(encodings, layout)
        expected = lay_out_slowly(encodings, layout)
        for name, rows in expected.items():
            actual = getattr(batch, name)
            assert actual.dtype == np.int32
            np.testing.assert_array_equal(actual, rows, err_msg=name)
        assert (
            len(set(batch.slots.tolist()))
            == len(batch.slots)
            == sum(batch.segment_ids.ravel() >= 0)
        )
        for number, text in enumerate(layout.texts):
            own = batch.slots[batch.offsets[number] : batch.offsets[number + 1]]
            np.testing.assert_array_equal(batch.ids.ravel()[own], encodings[int(text)].ids)


@pytest.mark.parametrize(("texts", "least"), [(16, 0.84), (64, 0.95), (500, 0.98), (4000, 0.98)])
def test_a_ragged_mix_fills_the_rows(texts: int, least: float) -> None:
    lengths = draw_ragged_lengths(texts)
    slots = sum(layout.slots for layout in plan(lengths))
    assert sum(lengths) / slots >= least


@pytest.mark.parametrize(
    ("length", "width"), [(2, 2), (9, 9), (64, 64), (65, 72), (255, 256), (257, 288)]
)
def test_one_text_has_a_row_hardly_wider_than_itself(length: int, width: int) -> None:
    assert plan([length]) == [Layout(width, rows=((0,),))]


def test_paragraphs_that_nothing_fills_up_leave_few_slots_empty() -> None:
    lengths = random.Random(0).choices(range(130, 513), k=64)
    slots = sum(layout.slots for layout in plan(lengths))
    assert sum(lengths) / slots >= 0.96


def test_a_few_short_texts_are_one_call() -> None:
    assert len(plan([12, 30, 9, 44, 7, 21])) == 1


def test_a_text_wider_than_a_call_has_one_of_its_own() -> None:
    widest, rest = plan([3000, 20, 300], slots=1024)
    assert (widest.width, widest.rows) == (3008, ((0,),))
    assert rest.width == 320


def test_nothing_needs_no_call() -> None:
    assert plan([]) == []


def test_an_encoding_without_ids_is_refused() -> None:
    with pytest.raises(InputError, match=r"encoding 1 has no ids.*\[encoding-empty\]"):
        plan([3, 0])


SMALLEST_CALL = 512  # a list of fewer than 256 tokens is one call, whatever was allowed


def lay_out_slowly(encodings: Encodings, layout: Layout) -> dict[str, np.ndarray]:
    shape = (len(layout.rows), layout.width)
    names = ("ids", "type_ids", "positions")
    rows = {name: np.zeros(shape, np.int32) for name in names}
    rows["segment_ids"] = np.full(shape, -1, np.int32)
    owner = 0
    for r, texts in enumerate(layout.rows):
        slot = 0
        for text in texts:
            one = encodings[text]
            for position in range(len(one)):
                rows["ids"][r, slot] = one.ids[position]
                rows["type_ids"][r, slot] = one.type_ids[position]
                rows["positions"][r, slot] = position
                rows["segment_ids"][r, slot] = owner
                slot += 1
            owner += 1
    return rows


def draw_ragged_lengths(texts: int) -> list[int]:
    """Half questions, a third sentences, the rest paragraphs: their lengths in ids."""
    rng = random.Random(texts)
    return [
        rng.choices([rng.randint(9, 15), rng.randint(8, 60), rng.randint(42, 512)], [50, 35, 15])[0]
        for _ in range(texts)
    ]
