"""A piece of one file, as the reader of its kind gives it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from albertkit.tables.table import Cell, Column


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows: texts and columns of the good ones, and by its place each fault."""

    texts: Sequence[str]
    kept: Mapping[str, Column]
    errors: tuple[tuple[int, RowError], ...] = ()

    @property
    def rows(self) -> int:
        """How many rows these are, faults too."""
        return len(self.texts) + sum(fault.rows for _, fault in self.errors)


def make_chunk(rows: Iterable[tuple[Cell, ...] | RowError], keep: Sequence[str]) -> Chunk:
    """A piece of rows that are a text and the cells to keep, or a fault."""
    good: list[tuple[Cell, ...]] = []
    errors: list[tuple[int, RowError]] = []
    for number, row in enumerate(rows):
        if isinstance(row, RowError):
            errors.append((number, row))
        else:
            good.append(row)
    kept = {name: [row[at] for row in good] for at, name in enumerate(keep, 1)}
    return Chunk([str(row[0]) for row in good], kept, tuple(errors))


@dataclass(frozen=True, slots=True)
class RowError:
    """code: of errors/codes.py. why: follows "row 3 …". rows: how many are lost with it."""

    code: str
    why: str
    rows: int = 1


LONGEST_ROW = 2**22  # bytes: the longest texts that people embed, whole books, have 1 to 3 MB
TOO_LONG = RowError("row-too-long", f"has more than {LONGEST_ROW:,} bytes, the most that is read")
HALF_CHARACTER = RowError(
    "lone-surrogate", "holds half of a character, which no encoding can store"
)


def not_utf8(data: bytes, error: UnicodeDecodeError) -> RowError:
    """The fault of bytes that cannot be decoded."""
    return RowError(
        "file-not-utf8", f"holds the byte 0x{data[error.start]:02x}, which is not UTF-8"
    )


def not_text(value: object) -> RowError:
    """The fault of a value that stands where a text belongs."""
    seen = json.dumps(value, ensure_ascii=False, default=str)
    shown = seen if len(seen) <= 40 else f"{seen[:40]}…"
    return RowError("row-malformed", f"holds {shown} where a text belongs")


def has_lone_surrogate(text: str) -> bool:
    """Whether the text holds half of a surrogate pair."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def is_too_long(text: str) -> bool:
    """Whether the text has more than LONGEST_ROW bytes."""
    return 4 * len(text) > LONGEST_ROW and len(text.encode()) > LONGEST_ROW
