"""Lines of a stream, block by block, none of which is held if it is too long.

Lines end with "\\n" alone: U+2028, form feeds and "\\r" stand inside texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

BLOCK = 2**18
LONGEST_ROW = 2**22  # bytes: the longest texts that people embed, whole books, have 1 to 3 MB
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
            yield [_whole(parts, size), *others[:-1]]
            parts, size = [others[-1]], len(others[-1])
    if size:
        yield [_whole(parts, size)]


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """What is in the stream, less a byte order mark."""
    head = b""
    while len(head) < len(BYTE_ORDER_MARK) and (more := stream.read(BLOCK)):
        head += more
    yield head.removeprefix(BYTE_ORDER_MARK)
    while block := stream.read(BLOCK):
        yield block


def _whole(parts: list[bytes], size: int) -> bytes | None:
    return b"".join(parts) if size <= LONGEST_ROW else None
