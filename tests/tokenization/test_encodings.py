"""Rearranged, padded and cut Encodings, against one text at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albertkit import AlbertTokenizer
from albertkit.errors import InputError
from albertkit.tokenization import Encodings
from albertkit.tokenization.encodings import (
    FlatPieces,
    compute_offsets,
    concat,
    cut_windows,
    pad,
    select,
)

TOKENIZER = AlbertTokenizer.from_pretrained("small-en")
TEXTS = ["a glass of water", "", "How old are you?", "the", "my phone is not good at all " * 3]
ALL = TOKENIZER.encode_batch(TEXTS, max_length=12, offset_mapping=True)

Row = tuple[list[int], list[int], int, object]


def list_rows(encodings: Encodings) -> list[Row]:
    return [
        (
            row.ids.tolist(),
            row.type_ids.tolist(),
            row.dropped,
            None if row.offset_mapping is None else row.offset_mapping.tolist(),
        )
        for row in encodings
    ]


@given(st.lists(st.integers(0, len(TEXTS) - 1), max_size=8))
def test_selected_texts_are_whole_and_in_the_order_given(numbers: list[int]) -> None:
    rows = list_rows(ALL)
    assert list_rows(select(ALL, numbers)) == [rows[number] for number in numbers]


def test_concatenated_parts_are_the_whole() -> None:
    parts = [select(ALL, [0]), select(ALL, []), select(ALL, range(1, len(TEXTS)))]
    assert list_rows(concat(parts)) == list_rows(ALL)
    plain = TOKENIZER.encode_batch(TEXTS)
    assert concat([plain]).offset_mapping is None
    np.testing.assert_array_equal(concat([plain, plain]).lengths, [*plain.lengths] * 2)


@pytest.mark.parametrize("side", ["right", "left"])
def test_padded_rows_hold_each_text_and_then_the_fill(side: str) -> None:
    rows = pad(ALL.ids, ALL.offsets, width=14, fill=-1, side=side).tolist()
    for row, encoding in zip(rows, ALL, strict=True):
        padding = [-1] * (14 - len(encoding))
        ids = encoding.ids.tolist()
        assert row == (padding + ids if side == "left" else ids + padding)


def test_the_longest_text_gives_the_width_of_padded_rows() -> None:
    assert pad(ALL.ids, ALL.offsets).shape == (len(TEXTS), 12)
    assert pad(np.zeros((0, 2), np.int64), np.zeros(1, np.int64)).shape == (0, 0, 2)


@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=5),
    max_pieces=st.integers(1, 12),
    data=st.data(),
)
def test_windows_overlap_by_the_stride_and_lose_nothing(
    lengths: list[int], max_pieces: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(0, max_pieces - 1))
    pieces = FlatPieces(np.arange(sum(lengths), dtype=np.int32), compute_offsets(lengths))
    windows, texts = cut_windows(pieces, np.full(len(lengths), max_pieces), stride)
    result = [
        (int(text), windows.ids[start:end].tolist())
        for text, start, end in zip(texts, windows.offsets[:-1], windows.offsets[1:], strict=True)
    ]
    expected = []
    for number, length in enumerate(lengths):
        ids = pieces.ids[pieces.offsets[number] :][:length].tolist()
        start = 0
        while True:
            expected.append((number, ids[start : start + max_pieces]))
            if start + max_pieces >= length:
                break
            start += max_pieces - stride
    assert result == expected


def test_a_stride_as_large_as_the_window_is_refused() -> None:
    pieces = FlatPieces(np.arange(9, dtype=np.int32), compute_offsets([9]))
    with pytest.raises(InputError, match=r"stride is 4; a window has room for 4.*stride-too-large"):
        cut_windows(pieces, np.array([4]), 4)
