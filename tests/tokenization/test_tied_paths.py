"""The older library's search: the same division as the newer one's, ties aside."""

from __future__ import annotations

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings

from albertkit.fileformats.sentencepiece_model import (
    read_sentencepiece_model,
    write_sentencepiece_model,
)
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.tied_paths import TiedPathSearch

from .conftest import TINY
from .texts import any_texts


@pytest.fixture(scope="module")
def search() -> TiedPathSearch:
    return TiedPathSearch(read_sentencepiece_model(TINY.read_bytes(), "tiny"))


@pytest.fixture(scope="module")
def library() -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(TINY))


@settings(max_examples=300)
@given(text=any_texts)
def test_where_no_tie_hides_both_divide_alike(
    search: TiedPathSearch, library: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    result = library.encode(text, return_type="offset_mapping")
    ids = np.array(result["ids"], np.int32)
    if not search.find_ties(ids, np.array([0, len(ids)])):
        ours = search.divide(library.normalize(text))
        assert ours == list(zip(result["pieces"], result["ids"], strict=True))


@settings(max_examples=200)
@given(text=any_texts)
def test_with_repetitions_the_scores_are_the_same(
    search: TiedPathSearch, library: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    text = text * 3
    ours = sorted(piece for piece, _ in search.divide(library.normalize(text)))
    theirs = sorted(library.encode(text, return_type="offset_mapping")["pieces"])
    assert ours == theirs


@pytest.mark.parametrize(
    ("pieces", "tied"),
    [
        (["▁", "e", "ee"], True),
        (["▁", "ee", "ee"], False),
        (["a", "b", "aba"], True),
        (["▁the", "▁model"], False),
        (["a", "▁the", "s"], False),
    ],
)
def test_a_tie_hides_where_pieces_commute_or_read_both_ways(pieces: list[str], tied: bool) -> None:
    names = ["<unk>", *dict.fromkeys(pieces)]
    data = write_sentencepiece_model(
        names,
        [-1.0] * len(names),
        ["unknown", *["normal"] * (len(names) - 1)],  # type: ignore[list-item]
        character_map=b"",
    )
    search = TiedPathSearch(read_sentencepiece_model(data, "made"))
    ids = np.array([names.index(piece) for piece in pieces], np.int32)
    assert search.find_ties(ids, np.array([0, len(ids)])) == ([0] if tied else [])


def test_only_the_tfhub_policy_follows_the_older_library(
    tiny: AlbertTokenizer, tiny_tfhub: AlbertTokenizer
) -> None:
    texts = [letter * count for letter in "abcdeilmnorstx" for count in range(3, 40)]
    newer, older = tiny.encode_batch(texts), tiny_tfhub.encode_batch(texts)
    different = sum(a.ids.tolist() != b.ids.tolist() for a, b in zip(newer, older, strict=True))
    assert different > 0
    assert len(newer.ids) == len(older.ids)
