"""Rows that a task with a head cannot use, by the cells besides their text.

Input: the cells of columns. Output: the errors of rows by their number, for `read_batches`, which
lists these rows or raises the first error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from albertkit.tables.chunk import RowError, show_value


def find_missing_texts(
    cells_of: Mapping[str, Iterable[object]], *, with_letters: bool
) -> dict[int, RowError]:
    """Find the rows of which a cell is not a text.

    Args:
        cells_of: Column name → a cell for each row.
        with_letters: Whether empty and blank texts are invalid too.
    """
    errors: dict[int, RowError] = {}
    for name, cells in cells_of.items():
        for number, cell in enumerate(cells):
            if not isinstance(cell, str):
                why = f"holds {show_value(cell)} in {name!r} instead of a text"
                errors.setdefault(number, RowError("row-malformed", why))
            elif with_letters and not cell.strip():
                errors.setdefault(number, RowError("text-empty", f"has no text in {name!r}"))
    return errors


def find_missing_choices(name: str, cells: Iterable[object]) -> dict[int, RowError]:
    """Find the rows without at least two choices.

    Args:
        name: Of the column.
        cells: A list of choices for each row, or the JSON of one.
    """
    return {
        number: RowError("row-malformed", f"holds {show_value(cell)} in {name!r}, not two texts")
        for number, cell in enumerate(cells)
        if not _are_choices(read_choices(cell))
    }


def read_choices(cell: object) -> object:
    """The choices of a cell; a list may be JSON."""
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def _are_choices(value: object) -> bool:
    """Whether a value is a list of at least two texts with letters."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) > 1
        and all(isinstance(choice, str) and choice.strip() for choice in value)
    )
