"""A piece of one file, as the reader of its kind gives it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from albertkit.tables.table import Cell, Column


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive rows: texts and columns of the good ones, and by its place each fault."""

    texts: Sequence[str]
    kept: Mapping[str, Column]
    faults: tuple[tuple[int, Fault], ...] = ()

    @property
    def rows(self) -> int:
        """How many rows these are, faults too."""
        return len(self.texts) + sum(fault.rows for _, fault in self.faults)


def piece_of(rows: Iterable[tuple[Cell, ...] | Fault], keep: Sequence[str]) -> Piece:
    """A piece of rows that are a text and the cells to keep, or a fault."""
    good: list[tuple[Cell, ...]] = []
    faults: list[tuple[int, Fault]] = []
    for number, row in enumerate(rows):
        if isinstance(row, Fault):
            faults.append((number, row))
        else:
            good.append(row)
    kept = {name: [row[at] for row in good] for at, name in enumerate(keep, 1)}
    return Piece([str(row[0]) for row in good], kept, tuple(faults))


@dataclass(frozen=True, slots=True)
class Fault:
    """code: of errors/codes.py. why: follows "row 3 …". rows: how many are lost with it."""

    code: str
    why: str
    rows: int = 1


LONGEST_ROW = 2**22  # bytes: the longest texts that people embed, whole books, have 1 to 3 MB
TOO_LONG = Fault("row-too-long", f"has more than {LONGEST_ROW:,} bytes, the most that is read")
HALF_CHARACTER = Fault("lone-surrogate", "holds half of a character, which no encoding can store")


def not_utf8(data: bytes, error: UnicodeDecodeError) -> Fault:
    """The fault of bytes that cannot be decoded."""
    return Fault("file-not-utf8", f"holds the byte 0x{data[error.start]:02x}, which is not UTF-8")


def not_text(value: object) -> Fault:
    """The fault of a value that stands where a text belongs."""
    seen = json.dumps(value, ensure_ascii=False, default=str)
    shown = seen if len(seen) <= 40 else f"{seen[:40]}…"
    return Fault("row-malformed", f"holds {shown} where a text belongs")


def halved(text: str) -> bool:
    """Whether the text holds half of a surrogate pair."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def too_long(text: str) -> bool:
    """Whether the text has more than LONGEST_ROW bytes."""
    return 4 * len(text) > LONGEST_ROW and len(text.encode()) > LONGEST_ROW
