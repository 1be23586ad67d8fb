"""Texts are read from files unchanged, or not at all."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from albertkit.errors import FormatError, InputError
from albertkit.tables import read_texts


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def write_file(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\ntwo", ["one", "two"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"\xef\xbb\xbfone\n", ["one"]),
        (b"\xef\xbb\xbf", []),
        (b"\xef\xbb\xbf\n", [""]),
        (b"one\n\ntwo\n\n", ["one", "", "two", ""]),
        ("a\u2028b\x0cc\n".encode(), ["a\u2028b\x0cc"]),
        (b"", []),
        (b"\n", [""]),
    ],
)
def test_a_line_is_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, texts: list[str]
) -> None:
    assert list(read_texts(write_file(tmp_path, "lines.txt", data))) == texts
    pipe(monkeypatch, data)
    assert list(read_texts("-")) == texts


@pytest.mark.parametrize(
    ("name", "data", "column", "texts"),
    [
        ("a.jsonl", '{"text": "é", "n": 1}\n{"text": "b"}\n', None, ["é", "b"]),
        ("a.jsonl", '{"sentence": "only column"}\n', None, ["only column"]),
        ("a.jsonl", '{"text": "a", "title": "b"}\n', "title", ["b"]),
        ("a.ndjson", '"a text alone"\n', None, ["a text alone"]),
        ("a.csv", 'text,n\n"a, ""b""\nc",1\n', None, ['a, "b"\nc']),
        ("a.tsv", "n\ttext\n1\ta, b\n", "text", ["a, b"]),
        ("A.CSV", "title\nx\n", None, ["x"]),
    ],
)
def test_a_column_of_a_table_is_read(
    tmp_path: Path, name: str, data: str, column: str | None, texts: list[str]
) -> None:
    assert list(read_texts(write_file(tmp_path, name, data.encode()), column=column)) == texts


@pytest.mark.parametrize(
    ("name", "data", "column", "message"),
    [
        ("a.jsonl", '{"a": "x", "b": "y"}\n', None, r"'text'.*a, b.*\[column-missing\]"),
        ("a.csv", "a,b\nx,y\n", "c", r"'c'.*a, b.*\[column-missing\]"),
        (
            "a.jsonl",
            '{"text": "x"}\nno json\n',
            None,
            r"row 2 is not valid.*\[row-malformed\]",
        ),
        ("a.jsonl", '{"text": 3}\n', None, r"row 1 holds 3 instead.*\[row-malformed\]"),
        ("a.jsonl", "[1]\n", None, r"row 1 holds \[1\] instead.*\[row-malformed\]"),
        (
            "a.csv",
            "a,text\nx\n",
            None,
            r"row 1 has too few cells: 1 of 2 .line 2.*\[row-malformed\]",
        ),
        ("a.csv", "a,text\nx,y,z\n", None, r"row 1 has too many cells: 3 of 2.*\[row-malformed\]"),
        (
            "a.csv",
            'text\n"x" y\n',
            None,
            r"row 1 is not valid CSV: ' ' follows a quoted cell .line 2.*\[row-malformed\]",
        ),
    ],
)
def test_an_invalid_row_is_named(
    tmp_path: Path, name: str, data: str, column: str | None, message: str
) -> None:
    with pytest.raises((InputError, FormatError), match=message) as caught:
        list(read_texts(write_file(tmp_path, name, data.encode()), column=column))
    assert name in str(caught.value)


def test_bytes_that_are_not_utf8_are_named_with_their_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(tmp_path, "latin.txt", "gut\nschön\n".encode("latin1"))
    with pytest.raises(FormatError, match=r"latin.txt: row 2 .* 0xf6.*\[file-not-utf8\]"):
        list(read_texts(path))
    pipe(monkeypatch, path.read_bytes())
    with pytest.raises(FormatError, match=r"standard input: row 2.*\[file-not-utf8\]"):
        list(read_texts("-"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\[file-not-found\]"):
        read_texts(tmp_path / "nothing.txt")


@pytest.mark.parametrize("text", ["a", "a" * 100_000])
def test_json_lines_are_recognised_by_a_first_line_of_any_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    data = json.dumps({"text": text}).encode() + b"\n"
    assert list(read_texts(write_file(tmp_path, "texts", data * 3))) == [text] * 3
    pipe(monkeypatch, data * 3)
    assert list(read_texts("-")) == [text] * 3
    line = "{ no object: " + text
    assert list(read_texts(write_file(tmp_path, "texts", line.encode()))) == [line]
    with pytest.raises(FormatError, match=r"one JSON value.*\[file-wrong-format\]"):
        list(read_texts(write_file(tmp_path, "a.json", f'{{"a":{" " * len(text)}\n1}}'.encode())))
