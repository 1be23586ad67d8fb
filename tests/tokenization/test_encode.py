"""Many texts at once get the ids that each gets alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.encode import TOKENIZED_TEXTS

from .texts import any_texts

TOKENIZERS = ("tiny", "tiny_huggingface", "tiny_tfhub", "tiny_words")


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=60)
@given(texts=st.lists(any_texts, max_size=10))
def test_a_batch_equals_one_by_one(
    name: str, request: pytest.FixtureRequest, texts: list[str]
) -> None:
    tokenizer: AlbertTokenizer = request.getfixturevalue(name)
    batch = tokenizer.encode_batch(texts)
    assert len(batch) == len(texts)
    for encoding, text in zip(batch, texts, strict=True):
        assert np.array_equal(encoding.ids, tokenizer.encode_batch([text]).ids)


def test_several_stretches_of_lines_keep_their_order(tiny: AlbertTokenizer) -> None:
    texts = [f"model {number}, é [MASK]" for number in range(2 * TOKENIZED_TEXTS + 7)]
    batch = tiny.encode_batch(texts)
    assert len(batch) == len(texts)
    for number in (0, 1, TOKENIZED_TEXTS - 1, TOKENIZED_TEXTS, len(texts) - 1):
        assert np.array_equal(batch[number].ids, tiny.encode_batch([texts[number]]).ids)


def test_no_texts_give_no_rows(tiny: AlbertTokenizer) -> None:
    batch = tiny.encode_batch([])
    assert len(batch) == 0
    assert batch.ids.shape == (0,)


def test_an_empty_text_is_two_special_tokens(tiny: AlbertTokenizer) -> None:
    assert tiny.encode_batch(["", "  \t"]).ids.tolist() == [2, 3, 2, 3]
