"""Tokens that were added to a vocabulary are followed in every form that transformers writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import transformers

from albertkit.errors import FormatError, InputError
from albertkit.tokenization import AlbertTokenizer

from .conftest import TINY, TINY_WORDS

SIZE = 1000  # pieces of the tiny model
NAMES = {"[WORLD]": SIZE, "[E1]": SIZE + 1}
TEXTS = [
    "the model [WORLD] and [E1] there",
    "[WORLD]",
    "a[WORLD]b[E1]",
    "the [world] of the model",
    "no token at all",
]


def token_json(special: bool) -> dict[str, object]:
    flags = dict.fromkeys(("lstrip", "rstrip", "single_word"), False)
    return {
        str(number): {"content": name, **flags, "normalized": not special, "special": special}
        for name, number in NAMES.items()
    }


FORMS: dict[str, dict[str, dict[str, object]]] = {
    "added_tokens.json": {"added_tokens.json": dict(NAMES)},
    "added_tokens_decoder": {"tokenizer_config.json": {"added_tokens_decoder": token_json(False)}},
    "special ones": {"tokenizer_config.json": {"added_tokens_decoder": token_json(True)}},
    "names alone": {"tokenizer_config.json": {"additional_special_tokens": list(NAMES)}},
}


@pytest.fixture(params=FORMS)
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    shutil.copy(TINY, tmp_path / "spiece.model")
    for name, values in FORMS[request.param].items():
        (tmp_path / name).write_text(json.dumps(values))
    if not (tmp_path / "tokenizer_config.json").exists():
        (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "AlbertTokenizer"}')
    (tmp_path / "config.json").write_text('{"model_type": "albert", "vocab_size": 1002}')
    return tmp_path


def ids_of_added(ids: list[int]) -> list[int]:
    return [number for number in ids if number >= SIZE]


def test_added_tokens_have_transformers_ids(directory: Path) -> None:
    theirs = transformers.AutoTokenizer.from_pretrained(directory, use_fast=True)
    ours = AlbertTokenizer.from_pretrained(directory)
    assert len(ours) == len(theirs) == SIZE + 2
    for text in TEXTS:
        row: Any = ours(text)["input_ids"]
        assert ids_of_added(row) == ids_of_added(theirs(text)["input_ids"])
    assert ours.get_added_vocab().items() >= NAMES.items()


def test_added_tokens_survive_saving(directory: Path, tmp_path: Path) -> None:
    ours = AlbertTokenizer.from_pretrained(directory)
    ours.save_pretrained(tmp_path / "saved")
    again = AlbertTokenizer.from_pretrained(tmp_path / "saved")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert again.fingerprint == ours.fingerprint
    assert again.all_special_tokens == ours.all_special_tokens
    for text in TEXTS:
        row = ours(text)["input_ids"]
        assert again(text)["input_ids"] == row
        if "]b" not in text:  # a letter after the token: the warning says that this differs
            assert theirs(text)["input_ids"] == row


def test_offsets_of_added_tokens_are_their_characters(directory: Path) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(directory)
    rows: Any = tokenizer(TEXTS[0], return_offsets_mapping=True)
    spans = {
        TEXTS[0][start:end].strip()
        for number, (start, end) in zip(rows["input_ids"], rows["offset_mapping"], strict=True)
        if number >= SIZE
    }
    assert spans == set(NAMES)


def test_tokens_are_added_to_an_open_tokenizer(tiny: AlbertTokenizer, tmp_path: Path) -> None:
    tokenizer = AlbertTokenizer(tiny.vocabulary, tiny.policy)
    assert tokenizer.add_tokens(["[NEW]", "▁the"]) == 1
    assert tokenizer.add_special_tokens({"additional_special_tokens": ["<e1>"]}) == 1
    row: Any = tokenizer("the [NEW] model <e1>")["input_ids"]
    assert ids_of_added(row) == [SIZE, SIZE + 1]
    assert tokenizer.additional_special_tokens == ["<e1>"]
    assert "<e1>" not in tokenizer.decode(row, skip_special_tokens=True)
    assert "[NEW]" in tokenizer.decode(row, skip_special_tokens=True)
    tokenizer.save_pretrained(tmp_path)
    assert (
        AlbertTokenizer.from_pretrained(tmp_path)("the [NEW] <e1>")["input_ids"]
        == (tokenizer("the [NEW] <e1>")["input_ids"])
    )
    assert len(tiny) == SIZE
    with pytest.raises(InputError, match=r"mask_token cannot become '<m>'.*\[option-invalid\]"):
        tokenizer.add_special_tokens({"mask_token": "<m>"})


def test_added_tokens_of_a_wordpiece_vocabulary_have_berts_ids(tmp_path: Path) -> None:
    shutil.copy(TINY_WORDS, tmp_path / "vocab.txt")
    size = len(AlbertTokenizer.from_pretrained(tmp_path))
    (tmp_path / "added_tokens.json").write_text(json.dumps({"[NEW]": size}))
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    ours = AlbertTokenizer.from_pretrained(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert ours("a [NEW] b")["input_ids"] == theirs("a [NEW] b")["input_ids"]
    ours.save_pretrained(tmp_path / "saved")
    saved = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert saved("a [NEW] b")["input_ids"] == ours("a [NEW] b")["input_ids"]


def test_flags_of_added_tokens_are_followed(tiny: AlbertTokenizer) -> None:
    import tokenizers

    tokenizer = AlbertTokenizer(tiny.vocabulary, tiny.policy)
    tokenizer.add_tokens(tokenizers.AddedToken("qz", single_word=True, normalized=True))
    assert SIZE in tokenizer.convert_tokens_to_ids(tokenizer.tokenize("the QZ model"))
    assert SIZE not in tokenizer.convert_tokens_to_ids(tokenizer.tokenize("theqzmodel"))


def test_an_id_that_no_row_can_have_is_refused(tmp_path: Path) -> None:
    shutil.copy(TINY, tmp_path / "spiece.model")
    (tmp_path / "added_tokens.json").write_text(json.dumps({"[X]": SIZE + 7}))
    with pytest.raises(FormatError, match=r"'\[X\]' has the id 1007; .*\[tokenizer-unsupported\]"):
        AlbertTokenizer.from_pretrained(tmp_path)


def test_an_added_token_beyond_a_foreign_tokenizer_json_is_added_to_it(
    tiny: AlbertTokenizer, tmp_path: Path
) -> None:
    tiny.save_pretrained(tmp_path)
    (tmp_path / "spiece.model").unlink()
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"added_tokens_decoder": token_json(special=True)})
    )
    written = json.loads((tmp_path / "tokenizer.json").read_text())
    written["normalizer"] = {"type": "Lowercase"}  # a form of its own
    (tmp_path / "tokenizer.json").write_text(json.dumps(written))
    ours = AlbertTokenizer.from_pretrained(tmp_path)
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert ours(TEXTS[0])["input_ids"] == theirs(TEXTS[0])["input_ids"]


def test_special_tokens_of_the_older_map_are_added(tmp_path: Path) -> None:
    """As transformers 4 does; transformers 5.23 ignores the names in this file."""
    shutil.copy(TINY, tmp_path / "spiece.model")
    names = {"additional_special_tokens": list(NAMES)}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(names))
    tokenizer = AlbertTokenizer.from_pretrained(tmp_path)
    row: Any = tokenizer(TEXTS[0])["input_ids"]
    assert ids_of_added(row) == [SIZE, SIZE + 1]
    assert tokenizer.additional_special_tokens == list(NAMES)
