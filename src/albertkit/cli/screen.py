"""Draw tables for people, as wide as the terminal: aligned columns, of which the widest are cut."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors.exceptions import list_names

if TYPE_CHECKING:
    from albertkit.tables import Table
    from albertkit.tables.table import Cell, Column

GAP = "  "
SHOWN_NUMBERS = 4  # of a vector
NARROWEST_COLUMN = 12  # characters that a column of words keeps on a narrow terminal
LINE_ENDS = re.compile(r"\s*[\r\n]\s*")  # with the spaces around them
BOLD, YELLOW, PLAIN = "\x1b[1m", "\x1b[33m", "\x1b[0m"


def draw_table(table: Table) -> str:
    """The table with its header; numbers right-aligned, words left-aligned.

    Columns of words are cut to the width of the terminal. If that is not enough, a line names the
    last columns instead.
    """
    columns = [
        [name, *map(format_cell, format_cells(column))] for name, column in table.columns.items()
    ]
    right = [_are_numbers(column) for column in table.columns.values()]
    widths = _fit_widths([max(map(measure_width, column)) for column in columns], right)
    columns = columns[: len(widths)]
    lines = [
        GAP.join(
            align(cell, size, to_right)
            for cell, size, to_right in zip(row, widths, right[: len(widths)], strict=True)
        ).rstrip()
        for row in zip(*columns, strict=True)
    ]
    if hidden := [*table.columns][len(widths) :]:
        lines.append(f"no room for {list_names(hidden)}; --format csv prints all columns")
    return "\n".join([make_bold(lines[0]), *lines[1:]])


def draw_record(pairs: Iterable[tuple[str, Cell]]) -> str:
    """One line for each name and its value."""
    listed = list(pairs)
    widest = max(measure_width(name) for name, _ in listed)
    return "\n".join(
        f"{make_bold(align(name, widest, False))}{GAP}{format_cell(v)}" for name, v in listed
    )


def format_cells(column: Column) -> Sequence[object]:
    """The cells of a column; of a vector its first numbers."""
    if not isinstance(column, np.ndarray):
        return column
    return [format_vector(vector) for vector in column] if column.ndim == 2 else column.tolist()


def format_vector(vector: FloatArray) -> str:
    """The first numbers of a vector, and how many it has."""
    numbers = ", ".join(f"{number:.4f}" for number in vector[:SHOWN_NUMBERS])
    return f"[{numbers}, … {len(vector)} numbers]"


def format_cell(cell: object) -> str:
    """A cell as text on one line."""
    if isinstance(cell, float):
        return f"{cell:.4f}" if cell == 0 or abs(cell) >= 1e-4 else f"{cell:.3g}"
    # control characters of a text would break the table
    text = LINE_ENDS.sub(" ", "" if cell is None else str(cell))
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _fit_widths(widths: list[int], right: Sequence[bool]) -> list[int]:
    """The widths of the first columns, as many as fit, with the widest words cut; at least one."""
    room = get_terminal_width() + len(GAP)
    least = [
        len(GAP) + (width if to_right else min(width, NARROWEST_COLUMN))
        for width, to_right in zip(widths, right, strict=True)
    ]
    count = max(1, sum(end <= room for end in accumulate(least)))
    widths = widths[:count]
    too_wide = sum(widths) + count * len(GAP) - room
    words = [number for number in range(count) if not right[number]]
    while too_wide > 0 and words:
        words.sort(key=lambda number: -widths[number])
        widest = widths[words[0]]
        if widest <= NARROWEST_COLUMN:
            break
        limit = max(NARROWEST_COLUMN, widths[words[1]] if len(words) > 1 else 0)
        cut = min(too_wide, max(1, widest - limit))
        widths[words[0]] -= cut
        too_wide -= cut
    return widths


def _are_numbers(column: Column) -> bool:
    return all(isinstance(cell, int | float) for cell in format_cells(column))


def align(text: str, size: int, to_right: bool) -> str:
    """The text in `size` characters, cut with … if it is wider."""
    if measure_width(text) > size:
        while measure_width(text) >= size and text:
            text = text[:-1]
        text += "…"
    space = " " * (size - measure_width(text))
    return space + text if to_right else text + space


def measure_width(text: str) -> int:
    """Characters of a terminal that a text takes: 2 for wide letters, 0 for combining marks."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def make_bold(text: str) -> str:
    """The text in bold, if standard output is a terminal and NO_COLOR is not set."""
    return _paint(text, BOLD)


def mark(text: str) -> str:
    """The text in yellow, if standard output is a terminal and NO_COLOR is not set."""
    return _paint(text, YELLOW)


def _paint(text: str, style: str) -> str:
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        return f"{style}{text}{PLAIN}"
    return text


def get_terminal_width() -> int:
    """Width of a line; unlimited in a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
