"""Keywords of other libraries are answered with what to write in albertkit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from albertkit import AlbertConfig, AlbertTokenizer, TextEmbedder
from albertkit.errors import InputError
from albertkit.errors.arguments import refuse_unknown
from albertkit.errors.other_libraries import ANSWERS

TOKENIZER = AlbertTokenizer.from_pretrained("small-en")


@pytest.mark.parametrize(
    ("call", "keyword", "answer"),
    [
        (TextEmbedder, "model_card_data", "no model card"),
        (TextEmbedder, "modules", "a directory that sentence-transformers saved"),
        (TextEmbedder, "keep_accents", r"AlbertTokenizer.from_pretrained\(model, keep_accents=…\)"),
        (TOKENIZER, "pad_to_max_length", 'Write padding="max_length"'),
        (AlbertTokenizer, "vocab_file", r"AlbertTokenizer.from_pretrained\(path\)"),
        (AlbertConfig, "quantization_config", 'precision="int8"'),
    ],
)
def test_a_keyword_of_another_library_has_an_answer(
    call: Callable[..., object], keyword: str, answer: str
) -> None:
    given: dict[str, Any] = {keyword: "x"}
    positional = ("a",) if call is TOKENIZER else ()
    with pytest.raises(InputError, match=rf"keyword '{keyword}'.*{answer}.*\[unknown-keyword\]"):
        call(*positional, **given)


def test_every_answer_ends_like_the_other_messages() -> None:
    for keyword, (why, fix) in ANSWERS.items():
        with pytest.raises(InputError, match=f"x has no keyword '{keyword}'"):
            refuse_unknown([keyword], ["text"], "x")
        assert not why.endswith(".")
        assert not fix.endswith(".")
