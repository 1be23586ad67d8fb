"""Delimiters, headers, quotes and encodings are detected and logged, or as the options say."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.row_files import write_file

from albertkit.errors import FormatError, InputError
from albertkit.tables import ReadOptions, find_inputs, read_batches, read_texts
from albertkit.tables.formats import HEAD_BYTES

TEXTS = ["hello, there", "good bye"]


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolon"), ("\t", "tab"), ("|", "bar")])
def test_the_delimiter_of_csv_is_detected_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, delimiter: str, name: str
) -> None:
    lines = [("id", "text"), ("1", TEXTS[0]), ("2", TEXTS[1])]
    data = "".join(f"{number}{delimiter}{text}\n" for number, text in lines).encode()
    path = write_file(tmp_path, "a.csv", data)
    assert list(read_texts(path)) == TEXTS
    assert name in caplog.text
    assert "[input-format-detected]" in caplog.text


def test_a_comma_is_not_logged_and_wins_where_several_cut_evenly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_file(tmp_path, "a.csv", b"id;n,text\n1;2,a\n3;4,b\n")
    assert list(read_texts(path)) == ["a", "b"]
    assert caplog.text == ""


def test_semicolons_in_texts_do_not_make_columns(tmp_path: Path) -> None:
    assert list(read_texts(write_file(tmp_path, "a.csv", b"text\na; b\nc; d\n"))) == [
        "a; b",
        "c; d",
    ]
    path = write_file(tmp_path, "b.csv", b"id,text\n1,a; b\n2,c; d\n")
    assert list(read_texts(path)) == ["a; b", "c; d"]


def test_a_long_file_is_detected_by_its_beginning(tmp_path: Path) -> None:
    """The record that the end of the beginning cuts is not counted."""
    rows = [f"{number};{'x' * 99}" for number in range(2000)]
    path = write_file(tmp_path, "a.csv", "\n".join(["id;text", *rows]).encode())
    assert len(list(read_texts(path))) == 2000


def test_options_are_taken_instead_of_detected(tmp_path: Path) -> None:
    path = write_file(tmp_path, "a.csv", b"id;text~note\n1;a~b\n")
    inputs = find_inputs(path, options=ReadOptions(delimiter="~"))
    assert list(inputs.files[0].columns or ()) == ["id;text", "note"]
    text = write_file(tmp_path, "a.txt", b"id~text\n1~a\n")
    assert list(read_texts(find_inputs(text, options=ReadOptions(delimiter="~")))) == ["a"]


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n", "é"])
def test_an_impossible_delimiter_is_refused(delimiter: str) -> None:
    with pytest.raises(InputError, match=r"one ASCII character.*\[option-invalid\]"):
        ReadOptions(delimiter=delimiter)


def test_a_first_record_with_numbers_is_no_header(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_file(tmp_path, "a.csv", b"1,hello\n2,good bye\n")
    assert list(read_texts(path, column="2")) == ["hello", "good bye"]
    assert "without a header" in caplog.text
    with pytest.raises(InputError, match=r"the columns are 1, 2.*\[column-missing\]"):
        read_texts(path)
    named = find_inputs(path, options=ReadOptions(header=True))
    assert list(read_texts(named, column="hello")) == ["good bye"]


def test_the_named_column_shows_the_header_and_the_delimiter(tmp_path: Path) -> None:
    path = write_file(tmp_path, "a.csv", b"sentence,2020\ngood,1\n")
    assert list(read_texts(path, column="sentence")) == ["good"]
    path = write_file(tmp_path, "b.csv", b"a,b;body\nx,y;z\n")
    assert list(read_texts(path, column="body")) == ["z"]


def test_without_a_header_the_first_record_is_a_row(tmp_path: Path) -> None:
    path = write_file(tmp_path, "a.csv", b"text\nhello\n")
    inputs = find_inputs(path, options=ReadOptions(header=False))
    assert list(read_texts(inputs)) == ["text", "hello"]
    (batch,) = read_batches(inputs, start=1)
    assert (batch.texts, batch.first) == (["hello"], 1)


def test_a_quote_in_tsv_is_a_letter(tmp_path: Path) -> None:
    """As in GLUE, Tatoeba, Common Voice and KorNLI."""
    data = b'id\ttext\n1\t"First begins with a quote\n2\tplain\n3\tanother one"\n4\t"all of it"\n'
    path = write_file(tmp_path, "a.tsv", data)
    texts = ['"First begins with a quote', "plain", 'another one"', '"all of it"']
    assert list(read_texts(path)) == texts
    asked = find_inputs(path, options=ReadOptions(quotes=True))
    assert list(read_texts(asked)) == [
        "First begins with a quote\n2\tplain\n3\tanother one",
        "all of it",
    ]


def test_a_cell_of_tsv_over_a_line_end_is_reported(tmp_path: Path) -> None:
    path = write_file(tmp_path, "a.tsv", b'id\ttext\n1\ta\n2\t"b\nc"\n')
    with pytest.raises(FormatError, match=r"row 3 has too few cells.*\[row-malformed\]"):
        list(read_texts(path))
    path = write_file(tmp_path, "b.tsv", b'text\tid\n"a\nb"\t1\n')
    with pytest.raises(FormatError, match=r"--quotes lets a quoted cell hold line ends"):
        list(read_texts(path))


@pytest.mark.parametrize(
    "data", [b"id,text\n1,a\n2,b\n", b"id;text\n1;a\n2;b\n", b"text\tid\na\t1\nb\t2\n"]
)
def test_a_piped_table_with_a_column_of_texts_is_read_as_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    pipe(monkeypatch, data)
    assert list(read_texts("-")) == ["a", "b"]
    assert "--input-format lines" in caplog.text
    pipe(monkeypatch, data)
    lines = find_inputs("-", options=ReadOptions(file_format="lines"))
    assert list(read_texts(lines)) == data.decode().splitlines()


def test_a_piped_table_without_such_a_column_is_lines_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pipe(monkeypatch, b"id,sentence\n1,a\n2,b\n")
    assert list(read_texts("-")) == ["id,sentence", "1,a", "2,b"]
    assert "--input-format csv and --column NAME" in caplog.text
    pipe(monkeypatch, b"id,sentence\n1,a\n2,b\n")
    assert list(read_texts("-", column="sentence")) == ["a", "b"]


@pytest.mark.parametrize("data", [b"Hello, you\nBye, me\n", b"one\ntwo\n", b"yes,no\n", b""])
def test_piped_lines_stay_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    pipe(monkeypatch, data)
    assert list(read_texts("-")) == data.decode().splitlines()
    assert caplog.text == ""


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.jsonl"])
def test_a_byte_order_mark_names_the_encoding(tmp_path: Path, name: str, encoding: str) -> None:
    text = {"a.csv": "text\nschön\n", "a.txt": "schön\n", "a.jsonl": '{"text": "schön"}\n'}[name]
    assert list(read_texts(write_file(tmp_path, name, text.encode(encoding)))) == ["schön"]


def test_other_encodings_are_named_by_the_user(tmp_path: Path) -> None:
    path = write_file(tmp_path, "a.csv", "id;text\n1;schön\n".encode("cp1252"))
    with pytest.raises(FormatError, match=r"--encoding cp1252.*\[file-not-utf8\]"):
        list(read_texts(path))
    assert list(read_texts(find_inputs(path, options=ReadOptions(encoding="cp1252")))) == ["schön"]
    with pytest.raises(FormatError, match=r"is not ascii: .*\[encoding-mismatch\]"):
        read_texts(find_inputs(path, options=ReadOptions(encoding="ascii")))
    with pytest.raises(InputError, match=r"no encoding of texts of that name.*\[option-invalid\]"):
        ReadOptions(encoding="rot13")


@pytest.mark.parametrize("block", [1, 2, 3])
def test_characters_may_be_cut_by_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr("albertkit.tables.filesystems.streams.BUFFER", block)
    path = write_file(tmp_path, "a.txt", "schön 😀\n猫\n".encode("utf-16"))
    assert list(read_texts(path)) == ["schön 😀", "猫"]


def test_files_of_unknown_format_in_a_directory_are_not_guessed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_file(tmp_path, "a.txt", b"one\n")
    path = write_file(tmp_path, "notes", b"id,text\n1,a\n")
    assert list(read_texts(tmp_path)) == ["one"]
    assert "[files-skipped]" in caplog.text
    assert "[input-format-detected]" not in caplog.text
    assert list(read_texts(path)) == ["a"]


OLD_MACINTOSH = {
    "a.txt": "hello, there\rgood bye\r",
    "b.txt": "hello, there\rgood bye",
    "c.csv": 'id,text\r1,"hello, there"\r2,good bye\r',
    "d.tsv": "id\ttext\r1\thello, there\r2\tgood bye\r",
    "e.jsonl": '{"text": "hello, there"}\r{"text": "good bye"}\r',
}


@pytest.mark.parametrize("name", OLD_MACINTOSH)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lines_of_an_old_macintosh_are_read_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, encoding: str
) -> None:
    path = write_file(tmp_path, name, OLD_MACINTOSH[name].encode(encoding))
    assert list(read_texts(path)) == TEXTS
    assert caplog.text.count("a carriage return ends each line of") == 1
    assert caplog.text.endswith("the whole file is one text. [input-format-detected]\n")


@pytest.mark.parametrize("name", OLD_MACINTOSH)
def test_a_pipe_from_an_old_macintosh_is_read(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pipe(monkeypatch, OLD_MACINTOSH[name].encode())
    stated: Any = {"txt": "lines"}.get(name[2:], name[2:])
    inputs = find_inputs("-", options=ReadOptions(file_format=stated))
    assert list(read_texts(inputs)) == TEXTS


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"a\rb\nc\n", ["a\rb", "c"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\r", ["a"]),
        (b"x" * (HEAD_BYTES - 1) + b"\r\ny\r\n", ["x" * (HEAD_BYTES - 1), "y"]),
    ],
    ids=["inside", "windows", "one line", "cut"],
)
def test_other_returns_are_no_line_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: bytes, texts: list[str]
) -> None:
    assert list(read_texts(write_file(tmp_path, "a.txt", data))) == texts
    assert caplog.text == ""


def test_a_document_keeps_its_returns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_file(tmp_path, "a.txt", b"one\rtwo\r")
    inputs = find_inputs(path, options=ReadOptions(files=True))
    assert list(read_texts(inputs)) == ["one\rtwo\r"]
    assert caplog.text == ""


def test_long_lines_are_cut_at_each_return_once(tmp_path: Path) -> None:
    """Also where a block of bytes ends between the two characters of a line end."""
    lines = [f"{number} " + "é" * (number % 90_000) for number in range(0, 400_000, 40_001)]
    data = "\r".join(lines).encode() + b"\r\nlast\n"
    assert list(read_texts(write_file(tmp_path, "a.txt", data))) == [*lines, "last"]
