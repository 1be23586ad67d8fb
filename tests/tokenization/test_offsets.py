"""Each piece's slice of the original text normalizes back to the piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from albertkit.tokenization import AlbertTokenizer, TokenizerPolicy
from albertkit.tokenization.encode import encode_text_with_offsets
from albertkit.tokenization.normalization import normalize
from albertkit.tokenization.pieces import SentencePieces
from albertkit.tokenization.policy import HUGGINGFACE, REFERENCE, TFHUB
from albertkit.tokenization.vocabulary import LinePiece

from .conftest import TINY
from .texts import any_texts

POLICIES = (
    REFERENCE,
    HUGGINGFACE,
    TFHUB,
    replace(REFERENCE, name="accents kept", form="kept", marks="kept"),
    replace(REFERENCE, name="cased", case="kept"),
    replace(REFERENCE, name="spaces kept", whitespace_collapsed=False),
)


def groups(pieces: Sequence[LinePiece]) -> list[list[LinePiece]]:
    """Pieces that share a character of the text stand together: ½ becomes ▁1, ⁄ and 2."""
    result: list[list[LinePiece]] = []
    for piece in pieces:
        if result and piece.start < max(each.end for each in result[-1]):
            result[-1].append(piece)
        else:
            result.append([piece])
    return result


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@settings(max_examples=150)
@given(text=any_texts)
def test_each_slice_normalizes_back_to_its_piece(policy: TokenizerPolicy, text: str) -> None:
    vocabulary = open_pieces(policy)
    for group in groups(encode_text_with_offsets(text, vocabulary, policy)):
        start, end = min(piece.start for piece in group), max(piece.end for piece in group)
        assert 0 <= start <= end <= len(text)
        if text[start:end] in vocabulary.table.special_names.all():
            assert [piece.name for piece in group] == [text[start:end]]
            continue
        form = vocabulary._with_prefix.normalize(normalize(text[start:end], policy))
        assert bare(form) == bare("".join(piece.name for piece in group))


def bare(form: str) -> str:
    """Without the space before it; a sigma knows only in its text whether it ends a word."""
    return form.strip("▁").replace("ς", "σ")


OPENED: dict[bool, SentencePieces] = {}


def open_pieces(policy: TokenizerPolicy) -> SentencePieces:
    if policy.digit_comma not in OPENED:
        OPENED[policy.digit_comma] = SentencePieces(
            TINY.read_bytes(), "tiny", digit_comma=policy.digit_comma
        )
    return OPENED[policy.digit_comma]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@settings(max_examples=100)
@given(text=any_texts)
def test_with_offsets_and_without_the_ids_are_the_same(policy: TokenizerPolicy, text: str) -> None:
    tokenizer = AlbertTokenizer(open_pieces(policy), policy)
    plain = tokenizer.encode_batch([text])
    traced = tokenizer.encode_batch([text], offset_mapping=True)
    assert np.array_equal(plain.ids, traced.ids)
    assert traced.offset_mapping is not None
    assert traced.offset_mapping.shape == (len(traced.ids), 2)


@pytest.mark.parametrize(
    ("text", "slices"),
    [
        ("  The model", ["The", "model"]),
        ("an albert model", None),
        ("the [MASK]  the", ["the", "[MASK]", "the"]),
        ("The\u0301 model", ["The\u0301", "model"]),
    ],
)
def test_slices_have_no_space_at_their_ends(
    tiny: AlbertTokenizer, text: str, slices: list[str] | None
) -> None:
    offset_mapping = tiny.encode_batch([text], offset_mapping=True).offset_mapping
    assert offset_mapping is not None
    result = [text[start:end] for start, end in offset_mapping[1:-1]]
    assert all(each == each.strip() for each in result)
    if slices is not None:
        assert result == slices


def test_special_tokens_around_the_text_have_empty_slices(tiny: AlbertTokenizer) -> None:
    offset_mapping = tiny.encode_batch(["the"], ["model"], offset_mapping=True).offset_mapping
    assert offset_mapping is not None
    assert offset_mapping.tolist() == [[0, 0], [0, 3], [0, 0], [0, 5], [0, 0]]
