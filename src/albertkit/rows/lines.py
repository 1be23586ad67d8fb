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
    first = True
    while block := stream.read(BLOCK):
        ended, *others = block.split(b"\n")
        size += len(ended)
        if size <= LONGEST_ROW:
            parts.append(ended)
        if others:
            lines: list[bytes | None] = [_whole(parts, size), *others[:-1]]
            if first and lines[0] is not None:
                lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
            first = False
            yield lines
            parts, size = [others[-1]], len(others[-1])
    if size:
        last = _whole(parts, size)
        yield [last.removeprefix(BYTE_ORDER_MARK) if first and last is not None else last]


def _whole(parts: list[bytes], size: int) -> bytes | None:
    return b"".join(parts) if size <= LONGEST_ROW else None
