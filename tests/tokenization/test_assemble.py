"""Special tokens, truncation by each rule, and the count of what is lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albertkit.errors import InputError
from albertkit.tokenization.assemble import Truncation, assemble, drop_specials, share_room
from albertkit.tokenization.encodings import Encodings, FlatPieces, compute_offsets
from albertkit.tokenization.vocabulary import SpecialIds

from . import slow_reference

SPECIALS = SpecialIds(pad=0, unk=1, cls=2, sep=3, mask=4)
rows = st.lists(st.lists(st.integers(5, 99), max_size=9), min_size=1, max_size=5)


def flat(texts: list[list[int]]) -> FlatPieces:
    ids = np.array([number for text in texts for number in text], np.int32)
    return FlatPieces(ids, compute_offsets([len(text) for text in texts]))


def assemble_rows(
    first: list[list[int]],
    second: list[list[int]] | None = None,
    *,
    max_length: int | None = None,
    truncation: Truncation = "longest_first",
    dropped: bool = True,
) -> Encodings:
    return assemble(
        flat(first),
        None if second is None else flat(second),
        SPECIALS,
        max_length=max_length,
        truncation=truncation,
        empty_second_dropped=dropped,
    )


def test_a_single_text_has_types_of_zero() -> None:
    (row,) = assemble_rows([[7, 8]])
    assert row.ids.tolist() == [2, 7, 8, 3]
    assert row.type_ids.tolist() == [0, 0, 0, 0]


@given(rows, st.integers(2, 12))
def test_a_text_alone_is_what_it_is_among_others(texts: list[list[int]], most: int) -> None:
    among = assemble_rows(texts, max_length=most)
    for number, text in enumerate(texts):
        both = assemble_rows([text], max_length=most)
        (alone,) = both
        assert alone.ids.tolist() == among[number].ids.tolist()
        assert alone.type_ids.tolist() == among[number].type_ids.tolist()
        assert alone.dropped == among[number].dropped
        assert [each.dtype for each in (both.ids, both.type_ids, both.offsets, both.dropped)] == [
            each.dtype for each in (among.ids, among.type_ids, among.offsets, among.dropped)
        ]


def test_the_second_text_and_its_end_have_types_of_one() -> None:
    (row,) = assemble_rows([[7, 8]], [[9]])
    assert row.ids.tolist() == [2, 7, 8, 3, 9, 3]
    assert row.type_ids.tolist() == [0, 0, 0, 0, 1, 1]


def test_an_empty_second_text_leaves_a_single_one_or_a_second_end() -> None:
    pairs = assemble_rows([[7], [], []], [[], [8], []])
    assert [row.ids.tolist() for row in pairs] == [[2, 7, 3], [2, 3, 8, 3], [2, 3]]
    kept_ends = assemble_rows([[7], []], [[], []], dropped=False)
    assert [row.ids.tolist() for row in kept_ends] == [[2, 7, 3, 3], [2, 3, 3]]
    assert kept_ends[0].type_ids.tolist() == [0, 0, 0, 1]


@given(rows, st.data(), st.integers(3, 14))
def test_longest_first_pops_from_the_longer(
    first: list[list[int]], data: st.DataObject, limit: int
) -> None:
    size = len(first)
    second = data.draw(
        st.lists(st.lists(st.integers(5, 99), max_size=9), min_size=size, max_size=size)
    )
    result = assemble_rows(first, second, max_length=limit, dropped=False)
    for row, a, b in zip(result, first, second, strict=True):
        kept_a, kept_b = slow_reference.longest_first(a, b, limit - 3)
        assert row.ids.tolist() == [2, *kept_a, 3, *kept_b, 3]
        assert row.dropped == len(a) + len(b) - len(kept_a) - len(kept_b)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 20))
def test_round_robin_gives_in_turn(first: int, second: int, room: int) -> None:
    lengths = np.array([first]), np.array([second]), np.array([room])
    result = tuple(int(each[0]) for each in share_room(*lengths, "round_robin"))
    assert result == slow_reference.round_robin(first, second, room)


def test_lengths_equal_tensorflows_trimmer(shared: Path) -> None:
    reference = json.loads((shared / "fixtures" / "preprocess_reference.json").read_text())
    assert reference["truncation"]["columns"] == [
        "seq_length",
        "len_a",
        "len_b",
        "kept_a",
        "kept_b",
    ]
    table = np.array(reference["truncation"]["rows"])
    kept_a, kept_b = share_room(table[:, 1], table[:, 2], table[:, 0] - 3, "round_robin")
    assert np.array_equal(kept_a, table[:, 3])
    assert np.array_equal(kept_b, table[:, 4])


def test_one_text_of_a_pair_can_be_left_whole() -> None:
    first, second = [[7, 8, 9]], [[5, 6, 5, 6]]
    only_first = assemble_rows(first, second, max_length=8, truncation="only_first")
    assert only_first.ids.tolist() == [2, 7, 3, 5, 6, 5, 6, 3]
    only_second = assemble_rows(first, second, max_length=8, truncation="only_second")
    assert only_second.ids.tolist() == [2, 7, 8, 9, 3, 5, 6, 3]
    assert only_second.dropped.tolist() == [2]


def test_a_text_that_may_not_be_cut_must_fit() -> None:
    with pytest.raises(InputError, match=r"second text of pair 0 has 4 .*truncation-impossible"):
        assemble_rows([[7]], [[5, 6, 5, 6]], max_length=6, truncation="only_first")


def test_a_limit_below_the_special_tokens_is_refused() -> None:
    with pytest.raises(InputError, match=r"max_length is 1; .* take 2.*max-length-too-small"):
        assemble_rows([[7]], max_length=1)


@given(rows, rows)
def test_specials_can_be_taken_off_again(first: list[list[int]], second: list[list[int]]) -> None:
    size = min(len(first), len(second))
    bare = drop_specials(assemble_rows(first[:size], second[:size]))
    for row, a, b in zip(bare, first, second, strict=False):
        assert row.ids.tolist() == a + b
        assert row.type_ids.tolist() == [0] * len(a) + [1] * len(b)
