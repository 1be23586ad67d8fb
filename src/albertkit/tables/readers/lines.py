"""Lines of a stream, block by block, none of which is held if it is too long.

Lines end with "\\n" alone: U+2028, form feeds and "\\r" stand inside texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from albertkit.tables.chunk import LONGEST_ROW, TOO_LONG, Chunk, RowError, make_chunk, not_utf8

BLOCK = 2**18
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def line_blocks(stream: BinaryIO) -> Iterator[list[bytes | None]]:
    """The lines without their "\\n", some at a time; None stands for one of over LONGEST_ROW bytes.

    A byte order mark is left out.
    """
    parts: list[bytes] = []  # of the line that is not yet ended
    size = 0
    for block in _blocks(stream):
        ended, *others = block.split(b"\n")
        size += len(ended)
        if size <= LONGEST_ROW:
            parts.append(ended)
        if others:
            yield [_line(parts, size), *others[:-1]]
            parts, size = [others[-1]], len(others[-1])
    if size:
        yield [_line(parts, size)]


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """What is in the stream, less a byte order mark."""
    head = b""
    while len(head) < len(BYTE_ORDER_MARK) and (more := stream.read(BLOCK)):
        head += more
    yield head.removeprefix(BYTE_ORDER_MARK)
    while block := stream.read(BLOCK):
        yield block


def _line(parts: list[bytes], size: int) -> bytes | None:
    return b"".join(parts) if size <= LONGEST_ROW else None


def read_lines(stream: BinaryIO, skip: int) -> Iterator[Chunk | int]:
    """Each line behind the first `skip` as a text, without the "\\r" at its end."""
    for block in line_blocks(stream):
        lines = block[skip:]
        if skip:
            yield len(block) - len(lines)
        skip -= len(block) - len(lines)
        if not lines:  # no line at all, which is not one that is empty
            continue
        whole = _whole(lines)
        yield Chunk(whole, {}) if whole is not None else make_chunk(map(_text, lines), ())


def _whole(lines: list[bytes | None]) -> list[str] | None:
    """All lines in one decoding, not line by line; None where one of them is bad."""
    try:
        texts = b"\n".join(lines).decode().split("\n")  # type: ignore[arg-type]  # None is caught
    except (TypeError, UnicodeDecodeError):
        return None
    return [text.removesuffix("\r") for text in texts]


def _text(line: bytes | None) -> tuple[str] | RowError:
    if line is None:
        return TOO_LONG
    try:
        return (line.removesuffix(b"\r").decode(),)
    except UnicodeDecodeError as error:
        return not_utf8(line, error)
