"""Encodings joined and chosen from, against one text at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from albertkit import AlbertTokenizer
from albertkit.tokenization import Encodings
from albertkit.tokenization.rearranged import chosen, joined

TOKENIZER = AlbertTokenizer.from_pretrained("small-en")
TEXTS = ["a glass of water", "", "How old are you?", "the", "my phone is not good at all " * 3]
ALL = TOKENIZER.encode_batch(TEXTS, max_length=12, offset_mapping=True)


def shown(encodings: Encodings) -> list[tuple[object, ...]]:
    return [
        (each.ids.tolist(), each.type_ids.tolist(), each.dropped, offsets_of(encodings, number))
        for number, each in enumerate(encodings)
    ]


def offsets_of(encodings: Encodings, number: int) -> object:
    offset_mapping = encodings[number].offset_mapping
    return None if offset_mapping is None else offset_mapping.tolist()


@given(st.lists(st.integers(0, len(TEXTS) - 1), max_size=8))
def test_the_chosen_texts_are_whole_and_in_the_order_asked(numbers: list[int]) -> None:
    each = shown(ALL)
    assert shown(chosen(ALL, numbers)) == [each[number] for number in numbers]


def test_joined_parts_are_the_whole() -> None:
    parts = [chosen(ALL, [0]), chosen(ALL, []), chosen(ALL, range(1, len(TEXTS)))]
    assert shown(joined(parts)) == shown(ALL)
    plain = TOKENIZER.encode_batch(TEXTS)
    assert joined([plain]).offset_mapping is None
    np.testing.assert_array_equal(joined([plain, plain]).lengths, [*plain.lengths] * 2)
