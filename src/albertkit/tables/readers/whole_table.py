"""Read all columns of one file into memory: a table of examples, not a corpus.

Cells are as the format has them: str in CSV, any value of JSON, any value of Python in Arrow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from albertkit.errors import FormatError, InputError
from albertkit.tables.arrow.reading import open_table
from albertkit.tables.chunk import RowError, make_encoding_error, make_json_error
from albertkit.tables.filesystems.streams import make_display_name
from albertkit.tables.formats import DETECT_ALL, ReadOptions
from albertkit.tables.readers.batches import read_batches
from albertkit.tables.readers.inputs import Inputs, Location, find_inputs
from albertkit.tables.readers.lines import read_line_blocks
from albertkit.tables.readers.separated import RecordReader
from albertkit.tables.readers.table_file import ARROW_FORMATS, InputFile


@dataclass(frozen=True, slots=True)
class WholeTable:
    """A table in memory.

    Attributes:
        name: Of its file, for messages.
        columns: Name → a cell for each row.
        rows: The number of each row in its file, from 1; empty lines and headers do not count.
    """

    name: str
    columns: Mapping[str, Sequence[Any]]
    rows: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)


def read_whole_table(location: Location | Inputs, options: ReadOptions = DETECT_ALL) -> WholeTable:
    """Read a CSV, TSV, JSON lines, Parquet or Arrow file.

    Args:
        location: One file, or several of the same columns that are read one after another; or
            Inputs that were found before.
        options: How the file is read, where the user knows better.

    Raises:
        InputError: [file-not-found], [texts-missing] for a table without rows, [column-missing]
            for a file of plain lines.
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
            why="each example needs a text and a label",
            fix="Give a CSV, TSV, JSON lines or Parquet file, or name its format with"
            " --input-format",
            where=name,
        )
    if file.file_format == "jsonl":
        table = _read_objects(file, name)
    elif file.file_format in ARROW_FORMATS:
        table = _read_arrow(file, name)
    else:
        names = list(file.columns or [""])
        first = next(filter(None, names), "")  # an index column has no name
        others = [column for column in names if column != first]
        batches = list(read_batches(inputs, column=first, keep=others))
        columns: dict[str, list[Any]] = {first: [text for b in batches for text in b.texts]}
        for column in others:
            columns[column] = [cell for batch in batches for cell in batch.kept[column]]
        table = WholeTable(name, columns, range(1, len(columns[first]) + 1))
    if not len(table):
        raise InputError(
            "texts-missing", "the table has no rows", fix="Give at least one example", where=name
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


def _read_objects(file: InputFile, name: str) -> WholeTable:
    """Read JSON lines; a key that an object lacks is None there."""
    objects: list[dict[str, Any]] = []
    with file.contents() as stream:
        for block in read_line_blocks(stream):
            for line in block:
                if line is None or line.strip():
                    objects.append(_parse_object(line, len(objects) + 1, name))
    names = dict.fromkeys(key for each in objects for key in each)
    columns = {key: [each.get(key) for each in objects] for key in names}
    return WholeTable(name, columns, range(1, len(objects) + 1))


def _parse_object(line: bytes | None, row: int, name: str) -> dict[str, Any]:
    code, why = "row-malformed", "is not a JSON object"
    if line is None:
        code, why = "row-too-long", "is longer than any text that is read"
    else:
        try:
            value = json.loads(line.decode())
        except UnicodeDecodeError as error:
            code, why = make_encoding_error(line, error).code, make_encoding_error(line, error).why
        except (ValueError, RecursionError) as error:
            why = make_json_error(error).why
        else:
            if isinstance(value, dict):
                return value
    raise FormatError(code, f"row {row} {why}", fix="Correct the row", where=name)


def _read_arrow(file: InputFile, name: str) -> WholeTable:
    names = list(file.columns or {})
    columns: dict[str, list[Any]] = {column: [] for column in names}
    count = 0
    with file.contents() as stream:
        path = file.memory_map_path()
        table = open_table(stream, file.file_format, name, memory_map_path=path)
        for batch in table.batches(names, 0):
            if isinstance(batch, RowError):
                raise FormatError(batch.code, f"row {count + 1} {batch.why}", where=name)
            count += batch.num_rows
            for column in names:
                columns[column] += batch.column(column).to_pylist()
    return WholeTable(name, columns, range(1, count + 1))
