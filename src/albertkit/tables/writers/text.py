"""Tables written batch by batch: JSON lines, CSV, TSV, and .npy for the vectors alone.

What the first table's columns are, those of all that follow are. A writer begins its file and
`finish` ends it; whether the file comes to be is its owner's business.
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
    """Takes tables of the same columns, one after another."""

    def write(self, table: Table) -> None:
        """Append the rows."""

    def finish(self) -> None:
        """Write what stands at the end; the file stays open."""

    def abandon(self) -> None:
        """Let go of a file that is not to be."""


class JsonLinesWriter:
    """One JSON object a line."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def write(self, table: Table) -> None:
        """See TableWriter."""
        for line in json_lines(table):
            self.file.write(line.encode())

    def finish(self) -> None:
        """See TableWriter."""

    def abandon(self) -> None:
        """See TableWriter."""


class PackedJsonLinesWriter(JsonLinesWriter):
    """The same, compressed; the same rows are the same bytes whenever they are written."""

    def __init__(self, file: BinaryIO) -> None:
        import gzip  # most write none

        super().__init__(cast(BinaryIO, gzip.GzipFile("", "wb", fileobj=file, mtime=0)))

    def finish(self) -> None:
        """See TableWriter."""
        self.file.close()  # of the compression, the file itself stays open


class SeparatedWriter:
    """A header and a line for each row; vectors have a column for each number."""

    def __init__(self, file: BinaryIO, delimiter: str) -> None:
        self.file = file
        self.delimiter = delimiter
        self.begun = False

    def write(self, table: Table) -> None:
        """See TableWriter."""
        text = io.StringIO(newline="")
        write_csv(table, text, delimiter=self.delimiter, header=not self.begun)
        self.begun = True
        self.file.write(text.getvalue().encode())

    def finish(self) -> None:
        """See TableWriter."""

    def abandon(self) -> None:
        """See TableWriter."""


class NpyWriter:
    """The vectors, one after another; how many there are is written into the header at last."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.count = 0
        self.empty: VectorArray | None = None  # of the vectors' type and length

    def write(self, table: Table) -> None:
        """See TableWriter; raises InputError [output-format-unknown] without vectors."""
        found = table.vectors()
        if found is None:
            raise InputError(
                "output-format-unknown",
                "this table has no vectors",
                why=".npy holds one array of numbers",
                fix="Write .jsonl, .csv or .parquet",
            )
        vectors = found[1]
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
        described = np.lib.format.header_data_from_array_1_0(self.empty)
        described["shape"] = (self.count, *self.empty.shape[1:])
        # leaves room for any number of rows, so that its length stays
        np.lib.format.write_array_header_1_0(self.file, described)


def json_lines(table: Table) -> Iterator[str]:
    """A JSON object for each row, with the end of its line."""
    for record in table.records():
        yield json.dumps(record, ensure_ascii=False) + "\n"


def write_jsonl(table: Table, file: TextIO) -> None:
    """One JSON object a line."""
    file.writelines(json_lines(table))


def write_csv(table: Table, file: TextIO, *, delimiter: str = ",", header: bool = True) -> None:
    """A line for each row, below the columns' names."""
    head: list[Sequence[Cell]] = [table.flat_names()] if header else []
    rows = chain(head, table.flat_rows())
    # Python's csv leaves "\r" unquoted where lines end in "\n", so that readers end lines at it
    file.writelines(delimiter.join(_quoted(row, delimiter)) + "\n" for row in rows)


def _quoted(row: Sequence[Cell], delimiter: str) -> Iterator[str]:
    for cell in row:
        text = "" if cell is None else str(cell)
        alone = len(row) == 1 and not text  # an empty line would be no row
        if alone or any(mark in text for mark in (delimiter, '"', "\n", "\r")):
            text = '"' + text.replace('"', '""') + '"'
        yield text
