"""Read JSON lines: each line is an object with the text under one key, or the text alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import BinaryIO

from albertkit.tables.cells import CellType, convert_cell, infer_cell_type
from albertkit.tables.chunk import (
    LONE_SURROGATE,
    TOO_LONG,
    Chunk,
    RowError,
    has_lone_surrogate,
    make_chunk,
    make_encoding_error,
    make_json_error,
    make_type_error,
)
from albertkit.tables.readers.lines import read_line_blocks
from albertkit.tables.table import Cell


def read_json_lines(
    stream: BinaryIO, column: str, keep: Mapping[str, CellType], skip: int
) -> Iterator[Chunk | int]:
    """Yield the text and the cells of `keep`; blank lines are not rows.

    A number is a count of skipped rows.
    """
    line_count = row_count = 0  # of the file, so far
    for block in read_line_blocks(stream):
        rows = [
            (number, line)
            for number, line in enumerate(block, line_count + 1)
            if line is None or line.strip()
        ]
        line_count += len(block)
        row_count += len(rows)
        lines = rows[skip:]
        if skip:
            yield len(rows) - len(lines)
        skip -= len(rows) - len(lines)
        cells: Iterable[tuple[Cell, ...] | RowError] = (
            _read_row(line, column, keep) for _, line in lines
        )
        if line_count > row_count:  # blank lines: the number of a row is not that of its line
            numbers = (number for number, _ in lines)
            cells = map(_add_line, cells, numbers)
        yield make_chunk(cells, tuple(keep))


def sniff_columns(head: bytes) -> dict[str, CellType] | None:
    """Find the columns of the rows at a file's beginning, with their types.

    Returns:
        Name → type; None if no row is complete in `head`, or rows are texts alone.
    """
    values: dict[str, list[object]] = {}
    for line in head.split(b"\n"):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # the last one is cut; reading finds other errors
            continue
        if isinstance(row, dict):
            for name, value in row.items():
                values.setdefault(name, []).append(value)
    return {name: infer_cell_type(cells) for name, cells in values.items()} or None


def _read_row(
    line: bytes | None, column: str, keep: Mapping[str, CellType]
) -> tuple[Cell, ...] | RowError:
    row = parse_json_line(line)
    if isinstance(row, RowError):
        return row
    values = row if isinstance(row, dict) else {column: row}
    text = values.get(column)
    if column not in values:
        return RowError("row-malformed", f"has no {column!r}")
    if not isinstance(text, str):
        return make_type_error(text)
    cells: list[Cell] = [text]
    for name, cell_type in keep.items():
        try:
            cells.append(convert_cell(values.get(name), cell_type))
        except ValueError as error:
            return RowError("row-malformed", f"holds in {name!r} {error}")
    if any(isinstance(cell, str) and has_lone_surrogate(cell) for cell in cells):
        return LONE_SURROGATE
    return tuple(cells)


def _add_line(row: tuple[Cell, ...] | RowError, number: int) -> tuple[Cell, ...] | RowError:
    return replace(row, why=f"{row.why} (line {number})") if isinstance(row, RowError) else row


def parse_json_line(line: bytes | None) -> object:
    """The value of a line, or a RowError; None stands for a line that is too long."""
    if line is None:
        return TOO_LONG
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError as error:
        return make_encoding_error(line, error)
    except (ValueError, RecursionError) as error:
        return make_json_error(error)
