"""Read CSV and TSV: a header, then one row for each record.

Python's csv refuses cells of more than 128 KiB unless a setting of the whole process is changed,
and holds a cell whose quote is never closed until the file ends.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from albertkit.errors import FormatError
from albertkit.tables.chunk import (
    LONGEST_ROW,
    TOO_LONG,
    Chunk,
    RowError,
    make_chunk,
    make_encoding_error,
)
from albertkit.tables.formats import DETECT_ALL, HEAD_BYTES, ReadOptions, TableFormat
from albertkit.tables.readers.lines import read_line_blocks
from albertkit.tables.table import Cell

IN_QUOTES = re.compile(r'((?:[^"]++|"")*+)("?)')  # a quoted cell's contents, and its end if found
DELIMITERS = (",", ";", "\t", "|")  # that are detected; those of CSV and TSV come first
RECORDS_LOOKED_AT = 100
CHUNK_ROWS = 4096
NUMBER = re.compile(r"\s*[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*")
NAME = re.compile(r"[^\W\d][\w.-]*")  # a column name as in nearly all data sets


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How the records of a file are written.

    Args:
        delimiter: The character between cells.
        quotes: Whether cells may be quoted; else a quote is a letter.
        header: Whether the first record holds the column names.
    """

    delimiter: str = ","
    quotes: bool = True
    header: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of a record, or its error, and the lines that it takes, counted from 1."""

    cells: list[str] | RowError
    first_line: int
    last_line: int

    def locate(self, error: RowError) -> RowError:
        """The error with the record's lines, where an editor finds them."""
        lines = f"line {self.first_line}"
        if self.last_line > self.first_line:
            lines = f"lines {self.first_line} to {self.last_line}"
        return RowError(error.code, f"{error.why} ({lines})")


def read_separated(
    stream: BinaryIO, dialect: CsvDialect, column: str, keep: Sequence[str], skip: int
) -> Iterator[Chunk | int]:
    """Yield the text of each record and the cells to keep; empty lines are not records.

    A number is a count of skipped records.
    """
    reader = RecordReader(stream, dialect)
    records = reader.records()
    first = next(records, None)
    if first is None or isinstance(first.cells, RowError):  # raised when the file was inspected
        return
    names = _read_column_names(first.cells, dialect)
    if not dialect.header:
        records = _prepend(first, records)
    indices = [names.index(name) for name in (column, *keep)]
    skipped = sum(1 for _ in islice(records, skip))
    if skipped:
        yield skipped
    rows: list[tuple[Cell, ...] | RowError] = []
    for record in records:
        rows.append(_select_cells(record, indices, len(names), dialect))
        if reader.is_block_end or len(rows) == CHUNK_ROWS:
            yield make_chunk(rows, keep)
            rows = []
    if rows:
        yield make_chunk(rows, keep)


def read_header(head: bytes, dialect: CsvDialect, name: str) -> list[str]:
    """Read the column names from a file's beginning.

    Args:
        head: The first HEAD_BYTES bytes, or all if there are fewer.
        dialect: Without a header, the names are 1, 2, 3, ….
        name: The file's name, for messages.

    Raises:
        FormatError: [row-malformed], [file-not-utf8].
    """
    first = next(RecordReader(io.BytesIO(head), dialect).records(), None)
    names = first.cells if first else []
    if len(head) >= HEAD_BYTES and b"\n" not in head:
        names = RowError("row-malformed", f"has more than {HEAD_BYTES:,} bytes")
    if isinstance(names, list):
        names = _read_column_names(names, dialect)
        double = next((column for column in names if names.count(column) > 1), None)
        if double is None:
            return names
        names = RowError("row-malformed", f"has two columns named {double!r}")
    raise FormatError(
        names.code,
        f"the header {names.why}",
        why="cells are found by the names of their columns",
        fix="Correct the first line",
        where=name,
    )


def detect_dialect(
    head: bytes,
    file_format: TableFormat,
    options: ReadOptions = DETECT_ALL,
    *,
    column: str = "text",
) -> CsvDialect:
    """Detect how the records of a CSV or TSV file are written.

    The delimiter is the one that cuts the first records into equally many cells, more than one,
    and the column of texts out of the header; the format's own if several do or none does. There
    is no header if a cell of the first record is a number and none is the column of texts.

    Args:
        head: The first HEAD_BYTES bytes, or all if there are fewer.
        file_format: "csv" or "tsv".
        options: Are not detected but taken.
        column: The name of the column of texts.
    """
    usual = "\t" if file_format == "tsv" else ","
    quotes = file_format == "csv" if options.quotes is None else options.quotes
    delimiter = options.delimiter
    if delimiter is None:
        scores = {
            mark: _score(_read_first_records(head, CsvDialect(mark, quotes)), column)
            for mark in (usual, *DELIMITERS)
        }
        delimiter = max(scores, key=scores.__getitem__)  # the first of equals
    header = options.header
    if header is None:
        first = next(iter(_read_first_records(head, CsvDialect(delimiter, quotes))), [])
        header = column in first or not any(map(NUMBER.fullmatch, first))
    return CsvDialect(delimiter, quotes, header)


def looks_separated(head: bytes, dialect: CsvDialect) -> bool:
    """Whether text of an unknown format is a table: column names, and a cell below each."""
    records = _read_first_records(head, dialect)
    names = records[0] if records else []
    return (
        len(records) > 1
        and len(names) > 1
        and all(map(NAME.fullmatch, names))
        and all(len(record) == len(names) for record in records)
    )


def _read_first_records(head: bytes, dialect: CsvDialect) -> list[list[str]]:
    """The cells of the first valid records, without one that the end of `head` may cut."""
    reader = RecordReader(io.BytesIO(head), dialect)
    records = list(islice(reader.records(), RECORDS_LOOKED_AT + 1))
    if len(head) >= HEAD_BYTES or len(records) > RECORDS_LOOKED_AT:
        records = records[:-1] or records
    return [record.cells for record in records if isinstance(record.cells, list)]


def _score(records: Sequence[Sequence[str]], column: str) -> tuple[bool, float]:
    """Whether the first record names the column, and the share of records with as many cells.

    (False, 0) if the first record has one cell.
    """
    if not records or len(records[0]) < 2:
        return False, 0
    even = sum(len(record) == len(records[0]) for record in records) / len(records)
    return column in records[0], even


def _read_column_names(first: list[str], dialect: CsvDialect) -> list[str]:
    return first if dialect.header else [str(number) for number in range(1, len(first) + 1)]


def _prepend(first: Record, records: Iterator[Record]) -> Iterator[Record]:
    yield first
    yield from records


def _select_cells(
    record: Record, indices: Sequence[int], width: int, dialect: CsvDialect
) -> tuple[Cell, ...] | RowError:
    cells = record.cells
    if isinstance(cells, RowError):
        return record.locate(cells)
    if len(cells) == width:
        return tuple(cells[index] for index in indices)
    many = "few" if len(cells) < width else "many"
    why = f"has too {many} cells: {len(cells)} of {width}"
    if not dialect.quotes and any(cell.startswith('"') for cell in cells):
        why += "; quotes are letters here: --quotes lets a quoted cell hold line ends"
    return record.locate(RowError("row-malformed", why))


@dataclass(slots=True)
class RecordReader:
    """Reads the records of a stream of lines."""

    stream: BinaryIO
    dialect: CsvDialect = field(default_factory=CsvDialect)
    lines: Iterator[bytes | None] = field(init=False)
    lines_left: int = 0  # in the block that was read last
    line_number: int = 0  # of the line that was taken last
    error: RowError | None = None  # of the record that is being read
    size: int = 0  # bytes in its quoted cells

    def __post_init__(self) -> None:
        """Begin with the first line."""
        self.lines = self._lines()

    @property
    def is_block_end(self) -> bool:
        """Whether the next record may have to wait for a slow pipe."""
        return self.lines_left == 0

    def records(self) -> Iterator[Record]:
        """Yield the records that are left."""
        for line in self.lines:
            if line in (b"", b"\r"):
                continue
            first_line, self.error, self.size = self.line_number, None, 0
            cells = self._split(self._decode(line))
            yield Record(self.error or cells, first_line, self.line_number)

    def _lines(self) -> Iterator[bytes | None]:
        for block in read_line_blocks(self.stream):
            self.lines_left = len(block)
            for line in block:
                self.line_number += 1
                self.lines_left -= 1
                yield line

    def _split(self, line: str) -> list[str]:
        delimiter = self.dialect.delimiter
        if not self.dialect.quotes or '"' not in line:
            return line.removesuffix("\r").split(delimiter)
        cells: list[str] = []
        offset = 0
        while True:
            if line.startswith('"', offset):
                cell, line, offset = self._read_quoted(line, offset + 1)
            else:
                end = line.find(delimiter, offset)
                cell = line[offset:].removesuffix("\r") if end < 0 else line[offset:end]
                offset += len(cell)
            cells.append(cell)
            if line[offset : offset + 2] in ("", "\r"):  # the end; a line of many cells is long
                return cells
            if not line.startswith(delimiter, offset):
                self._set_error(f"is not valid CSV: {line[offset]!r} follows a quoted cell")
                return cells
            offset += 1

    def _read_quoted(self, line: str, offset: int) -> tuple[str, str, int]:
        """The cell that begins at `offset`, the line in which it ends, and the offset after it."""
        parts: list[str] = []
        while match := IN_QUOTES.match(line, offset):
            self.size += len(match[1]) + 1
            if self.size > LONGEST_ROW:
                self.error = self.error or TOO_LONG
            else:
                parts.append(match[1])
            if match[2]:
                return "\n".join(parts).replace('""', '"'), line, match.end()
            try:
                line, offset = self._decode(next(self.lines)), 0
            except StopIteration:
                self._set_error("opens a quote that is never closed")
                break
        return "", "", 0

    def _decode(self, line: bytes | None) -> str:
        if line is None:
            self.error = self.error or TOO_LONG
            return ""
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            self.error = self.error or make_encoding_error(line, error)
            return line.decode(errors="replace")  # keeps its quotes

    def _set_error(self, why: str) -> None:
        self.error = self.error or RowError("row-malformed", why)
