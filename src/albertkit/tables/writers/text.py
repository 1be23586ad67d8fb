"""Write tables batch by batch: JSON lines, CSV, TSV, and the vectors alone as .npy.

All tables have the columns of the first. A writer writes one open file; the caller opens it and
makes it appear.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO, Protocol, TextIO, cast

import numpy as np

from albertkit.errors import InputError
from albertkit.tables.table import Cell, Table, VectorArray


class TableWriter(Protocol):
    """Writes tables of the same columns, one after another."""

    def write(self, table: Table) -> None:
        """Append the rows."""

    def finish(self) -> None:
        """Write the end of the file, which stays open."""

    def abandon(self) -> None:
        """Release a file that will not be finished."""


class JsonLinesWriter:
    """Writes one JSON object a line."""

    def __init__(self, file: BinaryIO) -> None:
        """Write to an open file."""
        self.file = file

    def write(self, table: Table) -> None:
        """See TableWriter."""
        for line in format_json_lines(table):
            self.file.write(line.encode())

    def finish(self) -> None:
        """See TableWriter."""

    def abandon(self) -> None:
        """See TableWriter."""


class CompressedJsonLinesWriter(JsonLinesWriter):
    """Writes JSON lines with gzip; the same rows give the same bytes at any time."""

    def __init__(self, file: BinaryIO) -> None:
        """Compress into an open file."""
        import gzip  # only for this format

        super().__init__(cast(BinaryIO, gzip.GzipFile("", "wb", fileobj=file, mtime=0)))

    def finish(self) -> None:
        """See TableWriter."""
        self.file.close()  # the compressor; the file itself stays open


class SeparatedWriter:
    """Writes a header, and a line for each row; each number of a vector has its column."""

    def __init__(self, file: BinaryIO, delimiter: str) -> None:
        """Write to an open file."""
        self.file = file
        self.delimiter = delimiter
        self.has_header = False

    def write(self, table: Table) -> None:
        """See TableWriter."""
        text = io.StringIO(newline="")
        write_csv(table, text, delimiter=self.delimiter, header=not self.has_header)
        self.has_header = True
        self.file.write(text.getvalue().encode())

    def finish(self) -> None:
        """See TableWriter."""

    def abandon(self) -> None:
        """See TableWriter."""


class NpyWriter:
    """Writes the vectors as one array; `finish` writes their number into the header."""

    def __init__(self, file: BinaryIO) -> None:
        """Write to an open file that can be read from any offset."""
        self.file = file
        self.count = 0
        self.empty: VectorArray | None = None  # [0, D], of the vectors' type

    def write(self, table: Table) -> None:
        """See TableWriter; raises InputError [output-format-unknown] for a table of no vectors."""
        column = table.vectors()
        if column is None:
            raise InputError(
                "output-format-unknown",
                "this table has no vectors",
                why=".npy holds one array of numbers",
                fix="Write .jsonl, .csv or .parquet",
            )
        vectors = column[1]
        if self.empty is None:
            self.empty = vectors[:0]
            self._write_header()
        self.count += len(vectors)
        self.file.write(np.ascontiguousarray(vectors).data)

    def finish(self) -> None:
        """See TableWriter."""
        self.file.seek(0)
        self._write_header()
        self.file.seek(0, io.SEEK_END)

    def abandon(self) -> None:
        """See TableWriter."""

    def _write_header(self) -> None:
        if self.empty is None:
            return
        header = np.lib.format.header_data_from_array_1_0(self.empty)
        header["shape"] = (self.count, *self.empty.shape[1:])
        # numpy leaves room for any number of rows, so the header's length stays the same
        np.lib.format.write_array_header_1_0(self.file, header)


def format_json_lines(table: Table) -> Iterator[str]:
    """Yield a JSON object for each row, with a line end."""
    for record in table.records():
        yield json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def write_jsonl(table: Table, file: TextIO) -> None:
    """Write one JSON object a line; NaN and infinity, which JSON does not have, as null."""
    file.writelines(format_json_lines(table))


def write_csv(table: Table, file: TextIO, *, delimiter: str = ",", header: bool = True) -> None:
    """Write a line for each row, after a line of the column names.

    Args:
        table: The rows.
        file: An open text file.
        delimiter: The character between cells. Cells that hold it, a quote or a line end are
            quoted, in TSV too, as pandas and spreadsheets expect.
        header: Whether to write the column names.
    """
    head: list[Sequence[Cell]] = [table.flat_names()] if header else []
    rows = chain(head, table.flat_rows())
    # Python's csv leaves "\r" unquoted if lines end in "\n", and readers then end the line there
    file.writelines(delimiter.join(_quote_cells(row, delimiter)) + "\n" for row in rows)


def _quote_cells(row: Sequence[Cell], delimiter: str) -> Iterator[str]:
    for cell in row:
        text = "" if cell is None else str(cell)
        is_empty_line = len(row) == 1 and not text  # which would be no row
        if is_empty_line or any(mark in text for mark in (delimiter, '"', "\n", "\r")):
            text = '"' + text.replace('"', '""') + '"'
        yield text
