r"""Read text files: each line is a text, an empty one too; or the whole file is one.

Lines end with "\n" alone: texts may hold U+2028, form feeds and "\r". (In a file without any "\n"
each "\r" was replaced by one before: table_file.py.) A line of more than LONGEST_ROW bytes is never
held in memory.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol, cast

from albertkit.tables.chunk import (
    LONGEST_ROW,
    TOO_LONG,
    Chunk,
    RowError,
    make_chunk,
    make_encoding_error,
)

BLOCK_BYTES = 2**18  # bytes
DOCUMENT_COLUMNS = ("text", "file")


class _Read1(Protocol):
    """A stream that yields the bytes that are there, without waiting for more."""

    def read1(self, size: int, /) -> bytes: ...


def read_lines(stream: BinaryIO, skip: int) -> Iterator[Chunk | int]:
    r"""Yield the lines as texts, without a "\r" at their end; a number stands for skipped ones."""
    for block in read_line_blocks(stream):
        lines = block[skip:]
        if skip:
            yield len(block) - len(lines)
        skip -= len(block) - len(lines)
        if not lines:  # the next step would take it for one empty line
            continue
        texts = _decode_together(lines)
        yield Chunk(texts, {}) if texts is not None else make_chunk(map(_text, lines), ())


def read_document(stream: BinaryIO, name: str, keep: Sequence[str]) -> Chunk:
    """The whole stream as one text, every line end as it is.

    Args:
        stream: What is read; a byte order mark is left out.
        name: The cell of the column "file".
        keep: Some of DOCUMENT_COLUMNS.
    """
    data = stream.read(LONGEST_ROW + 1).removeprefix(codecs.BOM_UTF8)
    if len(data) > LONGEST_ROW:
        return make_chunk([TOO_LONG], keep)
    try:
        cells = {"text": data.decode(), "file": name}
    except UnicodeDecodeError as error:
        return make_chunk([make_encoding_error(data, error)], keep)
    return make_chunk([(cells["text"], *(cells[column] for column in keep))], keep)


def read_line_blocks(stream: BinaryIO) -> Iterator[list[bytes | None]]:
    r"""Yield the lines without their "\n", as many at a time as are there.

    None stands for a line of more than LONGEST_ROW bytes. A byte order mark is left out.
    """
    parts: list[bytes] = []  # of the line that is not yet complete
    size = 0
    for block in _read_blocks(stream):
        end, *others = block.split(b"\n")
        size += len(end)
        if size <= LONGEST_ROW:
            parts.append(end)
        if others:
            yield [_join_line(parts, size), *others[:-1]]
            parts, size = [others[-1]], len(others[-1])
    if size:
        yield [_join_line(parts, size)]


def _read_blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The contents of the stream, less a byte order mark."""
    source = cast(_Read1, stream)  # `read` would wait until a slow pipe has filled the block
    head = b""
    while len(head) < len(codecs.BOM_UTF8) and (block := source.read1(BLOCK_BYTES)):
        head += block
    yield head.removeprefix(codecs.BOM_UTF8)
    while block := source.read1(BLOCK_BYTES):
        yield block


def _join_line(parts: list[bytes], size: int) -> bytes | None:
    return b"".join(parts) if size <= LONGEST_ROW else None


def _decode_together(lines: list[bytes | None]) -> list[str] | None:
    """Decode all lines at once, which is faster; None if one of them is invalid."""
    if None in lines:
        return None
    try:
        texts = b"\n".join(cast(list[bytes], lines)).decode().split("\n")
    except UnicodeDecodeError:
        return None
    return [text.removesuffix("\r") for text in texts]


def _text(line: bytes | None) -> tuple[str] | RowError:
    if line is None:
        return TOO_LONG
    try:
        return (line.removesuffix(b"\r").decode(),)
    except UnicodeDecodeError as error:
        return make_encoding_error(line, error)
