"""Text files: a line is a text, an empty one too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from albertkit.tables.chunk import Piece, piece_of
from albertkit.tables.lines import line_blocks
from albertkit.tables.row_errors import TOO_LONG, Fault, not_utf8


def read_lines(stream: BinaryIO, skip: int) -> Iterator[Piece | int]:
    """Each line behind the first `skip` as a text, without the "\\r" at its end."""
    for block in line_blocks(stream):
        lines = block[skip:]
        if skip:
            yield len(block) - len(lines)
        skip -= len(block) - len(lines)
        if not lines:  # no line at all, which is not one that is empty
            continue
        whole = _whole(lines)
        yield Piece(whole, {}) if whole is not None else piece_of(map(_text, lines), ())


def _whole(lines: list[bytes | None]) -> list[str] | None:
    """All lines in one decoding, not line by line; None where one of them is bad."""
    try:
        texts = b"\n".join(lines).decode().split("\n")  # type: ignore[arg-type]  # None is caught
    except (TypeError, UnicodeDecodeError):
        return None
    return [text.removesuffix("\r") for text in texts]


def _text(line: bytes | None) -> tuple[str] | Fault:
    if line is None:
        return TOO_LONG
    try:
        return (line.removesuffix(b"\r").decode(),)
    except UnicodeDecodeError as error:
        return not_utf8(line, error)
