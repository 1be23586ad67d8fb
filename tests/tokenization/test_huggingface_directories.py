"""Settings of Hugging Face's directories are followed as transformers does, or refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import transformers

from albertkit.errors import FormatError, InputError
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.wordpiece import read_vocabulary

from .conftest import TINY, TINY_WORDS

TEXT = "the model of the input and the output of the layer"


def write_settings(directory: Path, **settings: object) -> None:
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))


@pytest.mark.parametrize("name", ["BertJapaneseTokenizer", "XLNetTokenizer", "MyTokenizer"])
def test_a_class_with_other_rules_is_refused_unless_a_policy_insists(
    tmp_path: Path, name: str
) -> None:
    shutil.copy(TINY, tmp_path / "spiece.model")
    write_settings(tmp_path, tokenizer_class=name)
    with pytest.raises(FormatError, match=rf"tokenizer_class is '{name}'.*-unsupported\]"):
        AlbertTokenizer.from_pretrained(tmp_path)
    assert AlbertTokenizer.from_pretrained(tmp_path, policy="reference").vocab_size == 1000
    (tmp_path / "tokenizer_config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps({"tokenizer_class": name}))
    with pytest.raises(FormatError, match=rf"tokenizer_class is '{name}'.*-unsupported\]"):
        AlbertTokenizer.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "name", ["AlbertTokenizerFast", "BertTokenizer", "PreTrainedTokenizerFast", None]
)
def test_known_classes_are_read(tmp_path: Path, name: str | None) -> None:
    shutil.copy(TINY, tmp_path / "spiece.model")
    write_settings(tmp_path, tokenizer_class=name)
    assert AlbertTokenizer.from_pretrained(tmp_path).vocab_size == 1000


SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LINES = {
    "whitespace lines": [*SPECIALS, "\u2028", "\u3000", "hello", "world"],
    "a repeated line": [*SPECIALS, "hello", "the", "the", "world"],
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_an_id_of_a_hugging_face_directory_is_its_lines_number(
    tmp_path: Path, lines: list[str]
) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(lines) + "\n", newline="\n")
    write_settings(tmp_path, tokenizer_class="BertTokenizer")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for _ in range(2):  # the second time from what we saved
        ours = AlbertTokenizer.from_pretrained(tmp_path)
        assert ours("hello world the")["input_ids"] == theirs("hello world the")["input_ids"]
        assert len(ours) == len(lines)
        ours.save_pretrained(tmp_path)


def test_the_models_rows_decide_how_repeated_lines_are_counted() -> None:
    data = "\n".join([*SPECIALS, "a", "a", "b"]).encode()
    distinct = [*SPECIALS, "a", "b"]
    assert read_vocabulary(data, "vocab.txt") == distinct
    assert read_vocabulary(data, "vocab.txt", rows=8)[7] == "b"
    assert read_vocabulary(data, "vocab.txt", is_huggingface=True)[7] == "b"
    assert read_vocabulary(data, "vocab.txt", rows=7, is_huggingface=True) == distinct


def test_a_text_is_cut_and_padded_on_the_side_of_the_settings(tmp_path: Path) -> None:
    AlbertTokenizer.from_pretrained(TINY).save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    write_settings(tmp_path, **{**settings, "truncation_side": "left", "padding_side": "left"})
    ours = AlbertTokenizer.from_pretrained(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    calls: list[dict[str, Any]] = [
        {"truncation": True, "max_length": 8},
        {"padding": "max_length", "max_length": 30, "return_special_tokens_mask": True},
        {"padding": True, "padding_side": "right"},
    ]
    for options in calls:
        assert dict(ours([TEXT, "a"], **options)) == dict(theirs([TEXT, "a"], **options))
    pair: dict[str, Any] = {"truncation": "only_first", "max_length": 9}
    assert dict(ours(TEXT, "a b", **pair)) == dict(theirs(TEXT, "a b", **pair))
    whole = ours.encode_batch([TEXT]).ids
    assert ours.encode_batch([TEXT], max_length=6).ids[1:-1].tolist() == whole[-5:-1].tolist()
    again = AlbertTokenizer.from_pretrained(tmp_path)
    again.save_pretrained(tmp_path / "saved")
    saved = AlbertTokenizer.from_pretrained(tmp_path / "saved")
    assert (saved.truncation_side, saved.padding_side) == ("left", "left")


def test_the_sides_can_be_set_and_other_attributes_are_refused(tiny: AlbertTokenizer) -> None:
    tokenizer = AlbertTokenizer(tiny.vocabulary, tiny.policy)
    tokenizer.padding_side = "left"
    assert tokenizer(["a", "the model"], padding=True)["attention_mask"][0][0] == 0  # type: ignore[index]
    with pytest.raises(InputError, match=r"padding_side is 'top'.*\[option-invalid\]"):
        tokenizer.padding_side = "top"  # type: ignore[assignment]
    with pytest.raises(
        InputError, match=r"no attribute 'padding_sid'.*'padding_side'.*\[unknown-keyword\]"
    ):
        tokenizer.padding_sid = "left"
    tokenizer.truncation_side = "left"
    with pytest.raises(InputError, match=r"truncation_side \"left\".*\[option-invalid\]"):
        tokenizer(TEXT, truncation=True, max_length=6, return_overflowing_tokens=True)


def test_strip_accents_of_a_cased_vocabulary_is_followed(tmp_path: Path) -> None:
    lines = [*SPECIALS, "Cafe", "Café", "cafe"]
    (tmp_path / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": True}
    write_settings(tmp_path, **settings)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ours = AlbertTokenizer.from_pretrained(tmp_path)
    assert ours("Café")["input_ids"] == theirs("Café")["input_ids"] == [2, 5, 3]


def test_the_names_of_special_pieces_may_be_in_the_older_map(tmp_path: Path) -> None:
    shutil.copy(TINY_WORDS, tmp_path / "vocab.txt")
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"pad_token": "[unused0]"}))
    assert AlbertTokenizer.from_pretrained(tmp_path).pad_token == "[unused0]"


TEMPLATES = {
    "roberta": {"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "type ids": {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}],
        "pair": [],
        "special_tokens": {},
    },
}


def write_template(directory: Path, template: object) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(TINY)
    tokenizer.save_pretrained(directory)
    written = json.loads((directory / "tokenizer.json").read_text())
    written["post_processor"] = template
    (directory / "tokenizer.json").write_text(json.dumps(written))


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_another_template_of_special_tokens_is_refused(tmp_path: Path, template: object) -> None:
    write_template(tmp_path, template)
    with pytest.raises(FormatError, match=r"post_processor, a .*-unsupported\]"):
        AlbertTokenizer.from_pretrained(tmp_path)
    assert AlbertTokenizer.from_pretrained(tmp_path, policy="reference").cls_token_id == 2


def test_berts_template_is_alberts(tmp_path: Path) -> None:
    template = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    write_template(tmp_path, template)
    ours = AlbertTokenizer.from_pretrained(tmp_path)
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert ours("the", "model")["input_ids"] == theirs("the", "model")["input_ids"]


def test_a_missing_template_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_template(tmp_path, None)
    AlbertTokenizer.from_pretrained(tmp_path)
    assert "has no post_processor" in caplog.text


@pytest.mark.parametrize(
    ("keywords", "text", "same_as"),
    [
        ({"keep_accents": True}, "café", "policy.marks kept"),
        ({"do_lower_case": False}, "The", "policy.case kept"),
        ({"remove_space": False}, "a  b", "policy.whitespace_collapsed False"),
    ],
)
def test_settings_can_be_given_by_keyword(
    tmp_path: Path, keywords: dict[str, Any], text: str, same_as: str
) -> None:
    shutil.copy(TINY, tmp_path / "spiece.model")
    given = AlbertTokenizer.from_pretrained(tmp_path, **keywords)
    write_settings(tmp_path, **keywords)
    assert given(text) == AlbertTokenizer.from_pretrained(tmp_path)(text)
    name, value = same_as.removeprefix("policy.").split()
    assert str(getattr(given.policy, name)) == value
    assert "given by the caller" in given.policy_reason


def test_a_keyword_switches_back_what_the_settings_switch_off(tmp_path: Path) -> None:
    shutil.copy(TINY, tmp_path / "spiece.model")
    write_settings(tmp_path, do_lower_case=False, keep_accents=True)
    tokenizer = AlbertTokenizer.from_pretrained(tmp_path, do_lower_case=True, keep_accents=False)
    plain = AlbertTokenizer.from_pretrained(TINY)
    assert tokenizer("The Café")["input_ids"] == plain("The Café")["input_ids"]


def test_a_tokenizer_is_made_from_the_contents_of_its_files(tiny: AlbertTokenizer) -> None:
    tokenizer = AlbertTokenizer.from_files(tiny.files(), origin="here")
    assert tokenizer(TEXT) == tiny(TEXT)
    with pytest.raises(FormatError, match=r"'here' holds no vocabulary.*\[no-vocabulary\]"):
        AlbertTokenizer.from_files({}, origin="here")
