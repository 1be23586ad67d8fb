"""A vocabulary is recognised by its content, and its directory's settings choose the policy."""

from __future__ import annotations

import json
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from albertkit.errors import AlbertKitError, FormatError, InputError, ResourceError
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.policy import (
    HUGGINGFACE,
    REFERENCE,
    WORDPIECE,
    TokenizerPolicy,
    make_policy,
)
from tests.support.other_user import as_other_user

from .conftest import TINY, TINY_WORDS

TEXT = "The Café, in 2001, (É) ``x''"


def settings_of(directory: Path, **settings: object) -> None:
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))


@pytest.mark.parametrize("name", ["spiece.model", "30k-clean.model", "vocab.txt", "anything"])
def test_a_sentencepiece_model_may_have_any_name(
    tiny: AlbertTokenizer, tmp_path: Path, name: str
) -> None:
    shutil.copy(TINY, tmp_path / name)
    result = AlbertTokenizer.from_pretrained(tmp_path / name)
    assert result.fingerprint == tiny.fingerprint
    assert result.policy == REFERENCE


@pytest.mark.parametrize(
    "name",
    ["spiece.model", "30k-clean.model", "assets/30k-clean.model", "my.model", "vocabulary.spm"],
)
def test_a_directory_is_searched_for_a_model(
    tiny: AlbertTokenizer, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    shutil.copy(TINY, tmp_path / name)
    assert AlbertTokenizer.from_pretrained(str(tmp_path)).fingerprint == tiny.fingerprint


KERAS_SETTINGS = (
    '{"module": "keras_hub", "config": {}, "registered_name": "keras_hub>AlbertTokenizer"}'
)


def test_keras_hubs_tokenizer_json_is_not_taken_for_hugging_faces(
    tiny: AlbertTokenizer, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_text(KERAS_SETTINGS)
    with pytest.raises(FormatError, match=r"\[no-vocabulary\]"):
        AlbertTokenizer.from_pretrained(tmp_path)
    inside = tmp_path / "assets" / "tokenizer"
    inside.mkdir(parents=True)
    shutil.copy(TINY, inside / "vocabulary.spm")
    assert AlbertTokenizer.from_pretrained(tmp_path).fingerprint == tiny.fingerprint
    settings_of(inside, do_lower_case=False)
    assert AlbertTokenizer.from_pretrained(tmp_path).policy.case == "kept"


def test_a_vocabulary_is_found_where_old_sentence_transformers_kept_it(
    tiny: AlbertTokenizer, tmp_path: Path
) -> None:
    inside = tmp_path / "0_Transformer"
    inside.mkdir()
    shutil.copy(TINY, inside / "spiece.model")
    settings_of(inside, do_lower_case=False, model_max_length=100)
    result = AlbertTokenizer.from_pretrained(tmp_path)
    assert result.fingerprint == tiny.fingerprint
    assert (result.policy.case, result.model_max_length) == ("kept", 100)


def test_a_wordpiece_vocabulary_gets_berts_pipeline(tmp_path: Path) -> None:
    shutil.copy(TINY_WORDS, tmp_path / "vocab.txt")
    result = AlbertTokenizer.from_pretrained(tmp_path)
    assert result.policy == WORDPIECE
    assert result.pad_token == "[PAD]"
    assert result.policy_reason == "a WordPiece vocabulary, and no setting differs from google's"
    named = AlbertTokenizer.from_pretrained(tmp_path, policy="reference")
    assert named.policy == WORDPIECE


@pytest.mark.parametrize(
    ("settings", "fields", "reason"),
    [
        ({"do_lower_case": True, "keep_accents": False}, {}, "no setting differs"),
        ({"do_lower_case": False}, {"case": "kept"}, "do_lower_case is false"),
        ({"keep_accents": True}, {"form": "kept", "marks": "kept"}, "accents are kept"),
        ({"remove_space": False}, {"whitespace_collapsed": False}, "remove_space is false"),
    ],
)
def test_settings_change_the_fields_that_they_name(
    tmp_path: Path, settings: dict[str, object], fields: dict[str, object], reason: str
) -> None:
    shutil.copy(TINY, tmp_path / "spiece.model")
    settings_of(tmp_path, **settings)
    result = AlbertTokenizer.from_pretrained(tmp_path)
    for field in ("case", "form", "marks", "whitespace_collapsed", "digit_comma"):
        assert getattr(result.policy, field) == fields.get(field, getattr(REFERENCE, field))
    assert reason in result.policy_reason


def test_a_cased_wordpiece_vocabulary_keeps_accents_too(tmp_path: Path) -> None:
    shutil.copy(TINY_WORDS, tmp_path / "vocab.txt")
    settings_of(tmp_path, do_lower_case=False, tokenize_chinese_chars=False)
    policy = AlbertTokenizer.from_pretrained(tmp_path).policy
    assert (policy.case, policy.marks, policy.form) == ("kept", "kept", "kept")
    assert not policy.ideographs_spaced


@pytest.mark.parametrize(
    ("given", "length"), [(128, 128), (10**30, 512), (None, 512), (-1, 512), ("x", 512)]
)
def test_the_longest_length_is_what_the_settings_say(
    tmp_path: Path, given: object, length: int
) -> None:
    shutil.copy(TINY, tmp_path / "spiece.model")
    settings_of(tmp_path, model_max_length=given)
    assert AlbertTokenizer.from_pretrained(tmp_path).model_max_length == length


def test_special_pieces_may_have_other_names(tmp_path: Path) -> None:
    shutil.copy(TINY_WORDS, tmp_path / "vocab.txt")
    settings_of(tmp_path, pad_token={"content": "[unused0]"}, unk_token="[UNK]")
    result = AlbertTokenizer.from_pretrained(tmp_path)
    assert result.pad_token == "[unused0]"
    assert result.pad_token_id == 1


@pytest.mark.parametrize("policy", ["reference", "huggingface", "tfhub"])
def test_what_is_saved_opens_with_the_same_ids(tmp_path: Path, policy: str) -> None:
    made = AlbertTokenizer.from_pretrained(TINY, policy=policy)
    made.save_pretrained(tmp_path)
    opened = AlbertTokenizer.from_pretrained(tmp_path)
    assert opened.policy == made.policy
    assert opened.policy_reason == "saved by albertkit"
    assert opened(TEXT) == made(TEXT)


def test_a_saved_wordpiece_vocabulary_opens_with_the_same_ids(
    tiny_words: AlbertTokenizer, tmp_path: Path
) -> None:
    tiny_words.save_pretrained(tmp_path)
    opened = AlbertTokenizer.from_pretrained(tmp_path)
    assert opened.policy == WORDPIECE
    assert opened(TEXT) == tiny_words(TEXT)


def test_saving_leaves_other_files_and_readable_modes(
    tiny: AlbertTokenizer, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{}")
    paths = tiny.save_pretrained(tmp_path)
    assert {path.name for path in paths} == {
        "spiece.model",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert (tmp_path / "config.json").read_text() == "{}"
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o400 for path in paths)
    assert (tmp_path / "spiece.model").read_bytes() == TINY.read_bytes()


def test_a_given_policy_overrides_what_was_saved(tmp_path: Path) -> None:
    AlbertTokenizer.from_pretrained(TINY, policy="huggingface").save_pretrained(tmp_path)
    assert AlbertTokenizer.from_pretrained(tmp_path).policy == HUGGINGFACE
    overridden = AlbertTokenizer.from_pretrained(tmp_path, policy="reference")
    assert overridden.policy == REFERENCE
    assert overridden.policy_reason == "given by the caller"


def test_a_directory_without_vocabulary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "albert"}')
    with pytest.raises(
        FormatError, match=r"holds no vocabulary; it has no spiece\.model.*no-vocab"
    ):
        AlbertTokenizer.from_pretrained(tmp_path)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file or directory.*unknown-model"):
        AlbertTokenizer.from_pretrained(tmp_path / "gone")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("spiece.model", TINY.read_bytes()[:5000]),
        ("spiece.model", b"version https://git-lfs.github.com/spec/v1\n"),
        ("spiece.model", b""),
        ("spiece.model", b"<!DOCTYPE html>"),
        ("30k-clean.vocab", b"<pad>\t0\n<unk>\t0\n[CLS]\t0\n"),
        ("vocab.txt", b"just\nwords\n"),
        ("tokenizer.json", b'{"model": '),
        ("tokenizer.json", b'{"model": {"type": "Unigram"}}'),
        ("tokenizer_config.json", b"not json"),
    ],
)
def test_damaged_and_foreign_files_are_refused(tmp_path: Path, name: str, data: bytes) -> None:
    shutil.copy(TINY, tmp_path / "spiece.model")
    (tmp_path / name).write_bytes(data)
    opened = tmp_path if name.startswith("tokenizer") else tmp_path / name
    with pytest.raises(AlbertKitError, match=name) as refused:
        AlbertTokenizer.from_pretrained(opened)
    assert refused.value.diagnostic.code in (
        "file-truncated",
        "file-wrong-format",
        "file-malformed",
        "json-malformed",
    )


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b'{"error": "Repository not found"}', "'error'"),
        (b'{"model": "albert", "a": 1, "b": 2, "c": 3, "d": 4, "e": 5}', "'model', .*'d', …"),
        (b"{}", "none"),
    ],
)
@pytest.mark.parametrize("policy", [None, "reference"])
def test_other_json_under_a_vocabularys_name_is_refused_as_such(
    tmp_path: Path, tiny: AlbertTokenizer, data: bytes, keys: str, policy: str | None
) -> None:
    tiny.save_pretrained(tmp_path)  # with the settings, which ask for a policy
    (tmp_path / "spiece.model").write_bytes(data)
    for directory in (tmp_path, tmp_path / "spiece.model"):
        with pytest.raises(
            FormatError, match=rf"no tokenizer: its keys are {keys};.*file-wrong-format\]"
        ):
            AlbertTokenizer.from_pretrained(directory, policy=policy)


def test_a_directory_or_file_that_is_closed_to_us_is_one_line() -> None:
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder) / "closed"
        closed.mkdir()
        shutil.copy(TINY, closed / "spiece.model")
        closed.chmod(0o000)
        Path(folder).chmod(0o755)
        for directory in (closed, closed / "spiece.model"):
            message = rf"{directory}' .*denied.*\[file-unreadable\]"
            with as_other_user(), pytest.raises(ResourceError, match=message):
                AlbertTokenizer.from_pretrained(directory)


def test_a_saved_policy_with_a_strange_field_is_refused() -> None:
    with pytest.raises(InputError, match=r"case='upper'.*unknown-policy"):
        make_policy({"name": "x", "case": "upper"})
    with pytest.raises(InputError, match=r"colour=True.*unknown-policy"):
        make_policy({"name": "x", "colour": True})
    with pytest.raises(InputError, match=r"'digit_coma'; the nearest is 'digit_comma'"):
        TokenizerPolicy("x", digit_coma=False)  # type: ignore[call-arg]
