"""A chunk of one file, as the reader of its format yields it, with the errors of its rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from albertkit.tables.table import Cell, Column, KeptColumns, take_cells

LONGEST_ROW = 2**22  # bytes: the longest texts that people embed, whole books, have 1 to 3 MB


@dataclass(frozen=True, slots=True)
class RowError:
    """An error of one row, or of several that are lost together.

    Args:
        code: A code of errors/codes.py.
        why: What is wrong, for a message that begins "row 3 …".
        rows: How many rows are lost.
    """

    code: str
    why: str
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a file.

    Args:
        texts: The texts of the valid rows.
        kept: Column name → one cell for each text.
        errors: (row of the chunk, error) of the invalid rows; an error of several rows counts as
            one row here.
    """

    texts: Sequence[str]
    kept: Mapping[str, Column]
    errors: tuple[tuple[int, RowError], ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows, valid and invalid."""
        return len(self.texts) + sum(error.rows for _, error in self.errors)


def make_chunk(rows: Iterable[tuple[Cell, ...] | RowError], keep: Sequence[str]) -> Chunk:
    """Make a chunk of rows, each a text followed by the cells of `keep`, or an error."""
    valid: list[tuple[Cell, ...]] = []
    errors: list[tuple[int, RowError]] = []
    for number, row in enumerate(rows):
        if isinstance(row, RowError):
            errors.append((number, row))
        else:
            valid.append(row)
    kept = {name: [row[index] for row in valid] for index, name in enumerate(keep, 1)}
    return Chunk([str(row[0]) for row in valid], kept, tuple(errors))


# From texts and kept columns to the errors of rows that a caller cannot use, by the text's number.
FindErrors: TypeAlias = Callable[[Sequence[str], KeptColumns], Mapping[int, RowError]]


def reject_rows(chunk: Chunk, find_errors: FindErrors | None) -> Chunk:
    """The chunk, in which the rows that a caller cannot use are invalid too."""
    rejected = {} if find_errors is None else find_errors(chunk.texts, chunk.kept)
    if not rejected:
        return chunk
    errors = dict(chunk.errors)
    rows = [row for row in range(len(chunk.texts) + len(errors)) if row not in errors]
    errors |= {rows[number]: error for number, error in rejected.items()}
    rest = [number for number in range(len(chunk.texts)) if number not in rejected]
    return Chunk(
        [chunk.texts[number] for number in rest],
        {name: take_cells(cells, np.array(rest, np.int64)) for name, cells in chunk.kept.items()},
        tuple(sorted(errors.items())),
    )


TOO_LONG = RowError("row-too-long", f"has more than {LONGEST_ROW:,} bytes, the most that is read")
LONE_SURROGATE = RowError(
    "lone-surrogate", "holds half of a surrogate pair, which no encoding can store"
)


def make_encoding_error(data: bytes, error: UnicodeDecodeError) -> RowError:
    """The error of a row whose bytes cannot be decoded."""
    return RowError(
        "file-not-utf8", f"holds the byte 0x{data[error.start]:02x}, which is not UTF-8"
    )


def make_json_error(error: Exception) -> RowError:
    """The error of a row that `json.loads` refuses."""
    why = str(error)
    if isinstance(error, json.JSONDecodeError):  # its line is always the first one
        why = f"{error.msg} at character {error.colno}"
    return RowError("row-malformed", f"is not valid JSON: {why}")


def make_type_error(value: object) -> RowError:
    """The error of a row with another value instead of a text."""
    return RowError("row-malformed", f"holds {show_value(value)} instead of a text")


def show_value(value: object) -> str:
    """The beginning of a value as JSON, for messages."""
    value_json = json.dumps(value, ensure_ascii=False, default=str)
    return value_json if len(value_json) <= 40 else f"{value_json[:40]}…"


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
