"""The older library's search: the same division as the newer one's, ties aside."""

from __future__ import annotations

import pytest
import sentencepiece
from hypothesis import given, settings

from albertkit.fileformats.sentencepiece_model import read_sentencepiece_model
from albertkit.text import AlbertTokenizer
from albertkit.text.tied_paths import REPETITION, TiedPathSearch

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
def test_without_repetitions_both_divide_alike(
    search: TiedPathSearch, library: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    form = library.normalize(text)
    if not REPETITION.search(form):
        found = library.encode(text, return_type="offset_mapping")
        assert search.divide(form) == list(zip(found["pieces"], found["ids"], strict=True))


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
    ("text", "repeats"),
    [("xxx", True), ("hahaha", True), ("ababa", True), ("tall bees", False), ("a a a a", False)],
)
def test_only_repetitions_are_searched_again(text: str, repeats: bool) -> None:
    assert bool(REPETITION.search(text)) is repeats


def test_only_the_tfhub_policy_follows_the_older_library(
    tiny: AlbertTokenizer, tiny_tfhub: AlbertTokenizer
) -> None:
    texts = [letter * count for letter in "abcdeilmnorstx" for count in range(3, 40)]
    newer, older = tiny.encode_batch(texts), tiny_tfhub.encode_batch(texts)
    different = sum(a.ids.tolist() != b.ids.tolist() for a, b in zip(newer, older, strict=True))
    assert different > 0
    assert len(newer.ids) == len(older.ids)
