"""A format that holds a SentencePiece model alone does not lose what was added to it."""

from __future__ import annotations

import json

import pytest
from tests.tokenization.conftest import TINY

from albertkit import AlbertTokenizer
from albertkit.checkpoints.tokenizer_files import complete_files, find_sentencepiece_model
from albertkit.errors import InputError

FILES = {"spiece.model": TINY.read_bytes()}
ADDED = {**FILES, "added_tokens.json": json.dumps({"[NEW]": 1000}).encode()}


def test_a_model_with_added_tokens_is_refused_by_a_format_for_models_alone() -> None:
    assert (
        find_sentencepiece_model(FILES, "a preset", "its reader knows no others")
        == TINY.read_bytes()
    )
    with pytest.raises(InputError, match=r"the added token '\[NEW\]'.*\[unsupported-by-format\]"):
        find_sentencepiece_model(ADDED, "a preset", "its reader knows no others")


def test_added_tokens_and_sides_are_written_with_a_tokenizer_json() -> None:
    settings = json.dumps({"truncation_side": "left"}).encode()
    files = complete_files({**ADDED, "tokenizer_config.json": settings})
    tokenizer = AlbertTokenizer.from_files(files)
    assert tokenizer.get_added_vocab() == {"[NEW]": 1000}
    assert tokenizer.truncation_side == "left"
    assert "tokenizer.json" in files
