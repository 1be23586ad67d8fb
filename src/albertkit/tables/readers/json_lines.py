"""JSON lines: each line an object of which one key is the text, or a text alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from albertkit.tables.cells import CellType, convert_cell, infer_cell_type
from albertkit.tables.chunk import (
    HALF_CHARACTER,
    TOO_LONG,
    Chunk,
    RowError,
    has_lone_surrogate,
    make_chunk,
    not_text,
    not_utf8,
)
from albertkit.tables.readers.lines import line_blocks
from albertkit.tables.table import Cell


def read_json_lines(
    stream: BinaryIO, column: str, keep: Mapping[str, CellType], skip: int
) -> Iterator[Chunk | int]:
    """The text and the cells of `keep`; lines of nothing but spaces are no rows."""
    for block in line_blocks(stream):
        rows = [line for line in block if line is None or line.strip()]
        lines = rows[skip:]
        if skip:
            yield len(rows) - len(lines)
        skip -= len(rows) - len(lines)
        yield make_chunk((_row(line, column, keep) for line in lines), tuple(keep))


def columns_in(head: bytes) -> dict[str, CellType] | None:
    """The columns that the rows of a file's beginning have, with their types.

    None where no row is whole in it, or rows are texts alone.
    """
    values: dict[str, list[object]] = {}
    for line in head.split(b"\n"):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # the last is cut off; others are told when read
            continue
        if isinstance(row, dict):
            for name, value in row.items():
                values.setdefault(name, []).append(value)
    return {name: infer_cell_type(each) for name, each in values.items()} or None


def _row(
    line: bytes | None, column: str, keep: Mapping[str, CellType]
) -> tuple[Cell, ...] | RowError:
    row = _parsed(line)
    if isinstance(row, RowError):
        return row
    values = row if isinstance(row, dict) else {column: row}
    text = values.get(column)
    if column not in values:
        return RowError("row-malformed", f"has no {column!r}")
    if not isinstance(text, str):
        return not_text(text)
    cells: list[Cell] = [text]
    for name, kind in keep.items():
        try:
            cells.append(convert_cell(values.get(name), kind))
        except ValueError as error:
            return RowError("row-malformed", f"holds in {name!r} {error}")
    if any(isinstance(cell, str) and has_lone_surrogate(cell) for cell in cells):
        return HALF_CHARACTER
    return tuple(cells)


def _parsed(line: bytes | None) -> object:
    if line is None:
        return TOO_LONG
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError as error:
        return not_utf8(line, error)
    except (ValueError, RecursionError) as error:
        return RowError("row-malformed", f"is no JSON: {error}")
