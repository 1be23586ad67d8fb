"""Read all columns of one file into memory: a table of examples, not a corpus.

Cells are as the format has them: str in CSV, any value of JSON, any value of Python in Arrow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from albertkit.errors import InputError
from albertkit.errors.exceptions import count_noun
from albertkit.tables.arrow.reading import open_table
from albertkit.tables.chunk import LONE_SURROGATE, RowError, has_lone_surrogate
from albertkit.tables.filesystems.streams import make_display_name
from albertkit.tables.formats import DETECT_ALL, ReadOptions
from albertkit.tables.readers.batches import invalid_row_error, read_batches
from albertkit.tables.readers.inputs import Inputs, Location, find_inputs
from albertkit.tables.readers.json_lines import parse_json_line
from albertkit.tables.readers.lines import read_line_blocks
from albertkit.tables.readers.separated import RecordReader
from albertkit.tables.readers.table_file import ARROW_FORMATS, InputFile
from albertkit.tables.table import InvalidRow, list_arrow_cells


@dataclass(frozen=True, slots=True)
class WholeTable:
    """A table in memory.

    Attributes:
        name: Of its file, or of the first file and how many others there are, for messages.
        columns: Name → a cell for each row.
        rows: The number of each row through all files, from 1; headers and empty lines are no rows.
        invalid: The rows that cannot be read and were left out.
    """

    name: str
    columns: Mapping[str, Sequence[Any]]
    rows: Sequence[int]
    invalid: Sequence[InvalidRow] = ()

    def __len__(self) -> int:
        return len(self.rows)


def read_whole_table(
    location: Location | Inputs,
    options: ReadOptions = DETECT_ALL,
    *,
    skip_invalid: bool | None = None,
) -> WholeTable:
    """Read a CSV, TSV, JSON lines, Parquet or Arrow file.

    Args:
        location: One file, or several of the same columns that are read one after another; or
            Inputs that were found before.
        options: How the file is read, where the user knows better.
        skip_invalid: Leave out rows that cannot be read, and list them; else the first one is an
            error, with a hint at --skip-invalid if this is False, and None for callers without
            that option.

    Raises:
        InputError: [file-not-found], [texts-missing] for a table without rows, [column-missing]
            for a file of plain lines, or one that lacks a column of the first.
        FormatError: [row-malformed], [row-too-long], [file-not-utf8], [file-malformed], …
        ResourceError: [extra-missing], [file-unreadable].
    """
    inputs = location if isinstance(location, Inputs) else find_inputs(location, options=options)
    inputs.raise_errors(skip_invalid=False)
    file = inputs.files[0]
    name = make_display_name(file.name)
    if file.columns == {}:
        raise InputError(
            "column-missing",
            "the file has lines of text and no columns",
            why="what is read of a table has the names of its columns",
            fix="Give a CSV, TSV, JSON lines or Parquet file, or name its format with"
            " --input-format",
            where=name,
        )
    if len(inputs.files) > 1:  # rows are counted through all of them
        name += f" and {count_noun(len(inputs.files) - 1, 'other file')}"
    if file.file_format == "jsonl":
        table = _read_objects(inputs, name, skip_invalid)
    elif file.file_format in ARROW_FORMATS:
        table = _read_arrow(inputs, name, skip_invalid)
    else:
        table = _read_separated(inputs, name, skip_invalid)
    if not len(table):
        raise InputError(
            "texts-missing",
            "the table has no rows" + (" that can be read" if table.invalid else ""),
            why=f"row {table.invalid[0].row} {table.invalid[0].why}" if table.invalid else "",
            fix="Give at least one row",
            where=name,
        )
    return table


def find_row_lines(location: Location, options: ReadOptions = DETECT_ALL) -> Sequence[int]:
    """Find the line of a file on which each row begins.

    A record of CSV may have line ends in its cells, and empty lines are no rows, so the number of a
    row is not that of its line.

    Args:
        location: One file.
        options: As for `read_whole_table`.

    Returns:
        The line of each row, both from 1; empty for a compressed file, whose lines no editor shows,
        and for formats without lines.
    """
    file = find_inputs(location, options=options).files[0]
    if file.compression is not None or file.error is not None:
        return ()
    with file.contents() as stream:
        if file.file_format in ("csv", "tsv"):
            lines = [record.first_line for record in RecordReader(stream, file.dialect).records()]
            return lines[file.dialect.header :]
        if file.file_format == "jsonl":
            every = chain.from_iterable(read_line_blocks(stream))
            return [n for n, line in enumerate(every, 1) if line is None or line.strip()]
    return ()


def _read_separated(inputs: Inputs, name: str, skip_invalid: bool | None) -> WholeTable:
    names = list(inputs.files[0].columns or [""])
    first = next(filter(None, names), "")  # an index column has no name
    others = [column for column in names if column != first]
    batches = list(read_batches(inputs, column=first, keep=others, skip_invalid=skip_invalid))
    columns: dict[str, list[Any]] = {first: [text for b in batches for text in b.texts]}
    for column in others:
        columns[column] = [cell for batch in batches for cell in batch.kept[column]]
    rows = [number + 1 for batch in batches for number in batch.numbers]
    return WholeTable(name, columns, rows, [row for batch in batches for row in batch.invalid])


def _read_objects(inputs: Inputs, name: str, skip_invalid: bool | None) -> WholeTable:
    """Read JSON lines; a key that an object lacks is None there."""
    objects: list[dict[str, Any]] = []
    rows: list[int] = []
    invalid: list[InvalidRow] = []
    number = 0  # through all files
    for file in inputs.files:
        before = number
        with file.contents() as stream:
            for line in chain.from_iterable(read_line_blocks(stream)):
                if line is not None and not line.strip():
                    continue
                number += 1
                value = _parse_object(line)
                if isinstance(value, RowError):
                    invalid.append(_skip_row(file, number - before, value, skip_invalid))
                else:
                    objects.append(value)
                    rows.append(number)
    names = dict.fromkeys(key for each in objects for key in each)
    columns = {key: [each.get(key) for each in objects] for key in names}
    return WholeTable(name, columns, rows, invalid)


def _parse_object(line: bytes | None) -> dict[str, Any] | RowError:
    value = parse_json_line(line)
    if isinstance(value, RowError):
        return value
    # only an escape can be half of a pair
    if b"\\u" in (line or b"") and has_lone_surrogate(json.dumps(value, ensure_ascii=False)):
        return LONE_SURROGATE
    if isinstance(value, dict):
        return value
    return RowError("row-malformed", "is not a JSON object")


def _read_arrow(inputs: Inputs, name: str, skip_invalid: bool | None) -> WholeTable:
    names = list(inputs.files[0].columns or {})
    inputs.types(names)  # refuses files that lack a column of the first
    columns: dict[str, list[Any]] = {column: [] for column in names}
    rows: list[int] = []
    invalid: list[InvalidRow] = []
    number = 0  # through all files
    for file in inputs.files:
        before = number
        with file.contents() as stream:
            path = file.memory_map_path()
            own_name = make_display_name(file.name)
            table = open_table(stream, file.file_format, own_name, memory_map_path=path)
            for batch in table.batches(names, 0):
                if isinstance(batch, RowError):
                    invalid.append(_skip_row(file, number - before + 1, batch, skip_invalid))
                    number += batch.rows
                    continue
                rows += range(number + 1, number + batch.num_rows + 1)
                number += batch.num_rows
                for column in names:
                    columns[column] += list_arrow_cells(batch.column(column))
    return WholeTable(name, columns, rows, invalid)


def _skip_row(
    file: InputFile, number: int, error: RowError, skip_invalid: bool | None
) -> InvalidRow:
    """A row for the list of those that are left out; raises its error if none is."""
    row = InvalidRow(make_display_name(file.name), number, error.code, error.why, rows=error.rows)
    if not skip_invalid:
        raise invalid_row_error(row, can_skip=skip_invalid is not None)
    return row
