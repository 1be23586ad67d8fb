"""Tokenizers side by side: pieces, ids, offsets, and what normalization changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from albertkit.cli.main import run
from albertkit.doctor.tokenizers import compare_text, count_differences, open_tokenizers
from tests.support.tiny_models import PIECES

TEXT = "A ``Crème''"


def test_one_text_is_shown_by_the_rules_of_each_library() -> None:
    own, huggingface, tfhub = compare_text(open_tokenizers(PIECES), TEXT)
    assert (own.name, own.differs) == ("the model's own (reference)", False)
    assert (huggingface.name, huggingface.differs) == ("huggingface", True)
    assert (tfhub.name, tfhub.differs) == ("tfhub", False)
    assert own.normalized == "a ``creme''"
    assert huggingface.normalized == 'a "creme"'
    for view in (own, huggingface, tfhub):
        assert len(view.pieces) == len(view.ids) == len(view.offsets)
        assert view.offsets[0] == view.offsets[-1] == (0, 0)
        assert view.offsets[-2][1] == len(TEXT)


def test_texts_that_differ_are_counted_with_their_numbers() -> None:
    counts = count_differences(open_tokenizers(PIECES), ["plain", TEXT, "also plain"])
    assert list(counts.values()) == [[], [2], []]


def test_the_command_shows_one_text_or_counts_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare-tokenizers", TEXT]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["differs"] for row in rows] == ["", "yes", ""]
    assert set(rows[0]) == {"tokenizer", "differs", "normalized", "pieces", "ids", "offsets"}
    (tmp_path / "texts.txt").write_text(f"plain\n{TEXT}\n")
    assert run(["compare-tokenizers", "-i", str(tmp_path / "texts.txt")]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["differ"] for row in rows] == [0, 1, 0]
    assert run(["compare-tokenizers"]) == 2


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty.txt", b"", "texts-missing"),
        ("empty.csv", b"", "texts-missing"),
        ("header.csv", b"text\n", "texts-missing"),
        ("empty.jsonl", b"", "texts-missing"),
        ("binary.txt", b"\0\1\2", "file-wrong-format"),
    ],
)
def test_a_file_without_texts_is_one_line_of_the_command(
    name: str, data: bytes, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(data)
    assert run(["compare-tokenizers", "-i", str(tmp_path)]) == 2
    assert "is a directory, and a file is needed" in capsys.readouterr().err
    assert run(["compare-tokenizers", "-i", str(tmp_path / name)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / name}: ")
    assert line.endswith(f"[{code}]")
    assert "doctor" not in line


def test_differences_are_in_colour_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["compare-tokenizers", TEXT, "--format", "table"]) == 0
    plain = capsys.readouterr().out
    assert "\x1b" not in plain
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert run(["compare-tokenizers", TEXT]) == 0
    own, huggingface, tfhub = capsys.readouterr().out.split("\n\n")
    assert "\x1b[33m" not in own + tfhub
    assert '  normalized  \x1b[33ma "creme"\x1b[0m\n' in huggingface
    pieces = next(line for line in huggingface.splitlines() if "pieces" in line)
    assert pieces.split()[1] == "[CLS]"  # the same in both
    assert "\x1b[33m" in pieces
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(["compare-tokenizers", TEXT]) == 0
    assert capsys.readouterr().out == plain
