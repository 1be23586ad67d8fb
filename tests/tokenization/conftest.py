"""Tokenizers that many tests of this room read with."""

from __future__ import annotations

from pathlib import Path

import pytest

from albertkit.tokenization import AlbertTokenizer

TINY = Path(__file__).parents[1] / "fixtures" / "tiny_sp1000.model"
TINY_WORDS = TINY.with_name("tiny_vocab.txt")


@pytest.fixture(scope="session")
def tiny() -> AlbertTokenizer:
    """1,000 pieces in the reference policy."""
    return AlbertTokenizer.from_pretrained(TINY)


@pytest.fixture(scope="session")
def tiny_huggingface() -> AlbertTokenizer:
    return AlbertTokenizer.from_pretrained(TINY, policy="huggingface")


@pytest.fixture(scope="session")
def tiny_tfhub() -> AlbertTokenizer:
    return AlbertTokenizer.from_pretrained(TINY, policy="tfhub")


@pytest.fixture(scope="session")
def tiny_words() -> AlbertTokenizer:
    """800 WordPieces."""
    return AlbertTokenizer.from_pretrained(TINY_WORDS)
