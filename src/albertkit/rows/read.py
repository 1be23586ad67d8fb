"""Texts from a file or a stream: a line each, or a column of JSON lines, CSV or TSV.

The kind is what the file's name says; a stream holds lines. Texts are UTF-8, checked.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import told_as_unreadable

TEXT = "text"  # the column that is read where no other is named


def texts_in_file(path: Path, column: str | None = None) -> list[str]:
    """The texts of a file, in its order.

    column: of a table; None: "text", or the only one there is. Raises InputError
    [file-not-found], [column-missing], FormatError [file-not-utf8], [row-malformed],
    SurroundingsError [file-unreadable].
    """
    if path.is_dir() or not path.exists():  # a pipe, as <(…) of a shell, is read too
        raise InputError(
            "file-not-found",
            f"{str(path)!r} is a directory" if path.is_dir() else f"there is no file {str(path)!r}",
            fix="Name a file in it" if path.is_dir() else "Check the path",
        )
    with told_as_unreadable(path):
        data = path.read_bytes()
    return KINDS.get(path.suffix.lower(), _lines)(decoded(data, str(path)), str(path), column)


def texts_in_stream(stream: BinaryIO, name: str = "standard input") -> list[str]:
    """The lines of a stream; raises FormatError [file-not-utf8]."""
    return _lines(decoded(stream.read(), name), name, None)


def decoded(data: bytes, name: str) -> str:
    """UTF-8, with or without a byte order mark; raises FormatError that names the line."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FormatError(
            "file-not-utf8",
            f"line {line} holds the byte 0x{data[error.start]:02x}, which is not UTF-8 there",
            why="text is read as UTF-8 only, since a guess would change letters",
            fix="Convert it first, for example: iconv -f latin1 -t utf-8",
            where=name,
        ) from error


def _lines(text: str, name: str, column: str | None) -> list[str]:
    # str.splitlines would also cut at U+2028 and at form feeds, which stand inside texts
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _jsonl(text: str, name: str, column: str | None) -> list[str]:
    texts = []
    for number, line in enumerate(_lines(text, name, None), 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _malformed(f"row {number} is no JSON: {error}", name) from error
        if isinstance(row, dict):
            row = row.get(_chosen(row, column, name))
        if not isinstance(row, str):
            raise _malformed(f"row {number} holds {type(row).__name__} where a text belongs", name)
        texts.append(row)
    return texts


def _separated(separator: str) -> Callable[[str, str, str | None], list[str]]:
    def read(text: str, name: str, column: str | None) -> list[str]:
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        texts = []
        try:
            for row in rows:
                value = row[_chosen(row, column, name)]
                if value is None or None in row:
                    many = "few" if value is None else "many"
                    raise _malformed(f"line {rows.line_num} has too {many} cells", name)
                texts.append(value)
        except csv.Error as error:
            raise _malformed(f"line {rows.reader.line_num} is no CSV: {error}", name) from error
        return texts

    return read


def _chosen(row: Mapping[str, object], column: str | None, name: str) -> str:
    wanted = column or (next(iter(row)) if len(row) == 1 else TEXT)
    if wanted not in row:
        raise InputError(
            "column-missing",
            f"there is no column {wanted!r}",
            why=f"the columns are {', '.join(map(str, row))}",
            fix="Name one of them with --column",
            where=name,
        )
    return wanted


def _malformed(what: str, name: str) -> FormatError:
    return FormatError(
        "row-malformed",
        what,
        why="every row must be readable, as each gets an answer",
        fix="Correct the row, or leave it out",
        where=name,
    )


KINDS: Mapping[str, Callable[[str, str, str | None], list[str]]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
}
