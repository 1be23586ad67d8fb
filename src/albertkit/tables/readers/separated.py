"""CSV and TSV: a header, then a row for each record; quoted cells may hold anything.

Python's csv would refuse cells of more than 128 KiB unless a switch of the whole process is
turned, and holds a cell that is never closed until the file ends.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from albertkit.errors import FormatError
from albertkit.tables.chunk import LONGEST_ROW, TOO_LONG, Chunk, RowError, make_chunk, not_utf8
from albertkit.tables.formats import HEAD
from albertkit.tables.readers.lines import line_blocks
from albertkit.tables.table import Cell

IN_QUOTES = re.compile(r'((?:[^"]++|"")*+)("?)')  # what a cell holds, and its end if that is there
TOGETHER = 4096  # rows in a piece


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of a record, or what is wrong with it, and its lines, counted from 1."""

    cells: list[str] | RowError
    first: int
    last: int

    def fault(self, fault: RowError) -> RowError:
        """The fault, with the lines where people find it."""
        lines = f"line {self.first}"
        if self.last > self.first:
            lines = f"lines {self.first} to {self.last}"
        return RowError(fault.code, f"{fault.why} ({lines})")


def read_separated(
    stream: BinaryIO, delimiter: str, column: str, keep: Sequence[str], skip: int
) -> Iterator[Chunk | int]:
    """The text of each record and the cells to keep; empty lines are no records."""
    records = Records(stream, delimiter)
    header = next(records.each(), None)
    if header is None or isinstance(header.cells, RowError):  # told when the file was looked at
        return
    names = header.cells
    wanted = [names.index(name) for name in (column, *keep)]
    passed = sum(1 for _ in islice(records.each(), skip))
    if passed:
        yield passed
    rows = (_row(record, wanted, len(names)) for record in records.each())
    while together := list(islice(rows, TOGETHER)):
        yield make_chunk(together, keep)


def header_in(head: bytes, delimiter: str, name: str) -> list[str]:
    """The columns' names; raises FormatError [row-malformed], [file-not-utf8]."""
    header = next(Records(io.BytesIO(head), delimiter).each(), None)
    names = header.cells if header else []
    if len(head) >= HEAD and b"\n" not in head:
        names = RowError("row-malformed", f"has more than {HEAD:,} bytes")
    if isinstance(names, list):
        twice = next((each for each in names if names.count(each) > 1), None)
        if twice is None:
            return names
        names = RowError("row-malformed", f"names {twice!r} twice")
    raise FormatError(
        names.code,
        f"the header {names.why}",
        why="cells are found by the names of their columns",
        fix="Correct the first line",
        where=name,
    )


def _row(record: Record, wanted: Sequence[int], width: int) -> tuple[Cell, ...] | RowError:
    cells = record.cells
    if isinstance(cells, RowError):
        return record.fault(cells)
    if len(cells) != width:
        many = "few" if len(cells) < width else "many"
        return record.fault(
            RowError("row-malformed", f"has too {many} cells: {len(cells)} of {width}")
        )
    return tuple(cells[at] for at in wanted)


class Records:
    """Takes records from a stream's lines."""

    def __init__(self, stream: BinaryIO, delimiter: str) -> None:
        self.lines = (line for block in line_blocks(stream) for line in block)
        self.delimiter = delimiter
        self.number = 0  # of the last line that was taken
        self.fault: RowError | None = None  # of the record that is being taken
        self.size = 0  # of its quoted cells

    def each(self) -> Iterator[Record]:
        """The records that are left."""
        for line in self.lines:
            self.number += 1
            if line in (b"", b"\r"):
                continue
            first, self.fault, self.size = self.number, None, 0
            cells = self._cells(self._decoded(line))
            yield Record(self.fault or cells, first, self.number)

    def _cells(self, line: str) -> list[str]:
        if '"' not in line:
            return line.removesuffix("\r").split(self.delimiter)
        cells: list[str] = []
        at = 0
        while True:
            if line.startswith('"', at):
                cell, line, at = self._quoted(line, at + 1)
            else:
                end = line.find(self.delimiter, at)
                cell = line[at:].removesuffix("\r") if end < 0 else line[at:end]
                at += len(cell)
            cells.append(cell)
            if line[at:] in ("", "\r"):
                return cells
            if not line.startswith(self.delimiter, at):
                self._wrong(f"is no CSV: {line[at]!r} stands behind a quoted cell")
                return cells
            at += 1

    def _quoted(self, line: str, at: int) -> tuple[str, str, int]:
        """The cell that begins there, the line in which it ends, and what is behind its quote."""
        parts: list[str] = []
        while found := IN_QUOTES.match(line, at):
            self.size += len(found[1]) + 1
            if self.size > LONGEST_ROW:
                self.fault = self.fault or TOO_LONG
            else:
                parts.append(found[1])
            if found[2]:
                return "\n".join(parts).replace('""', '"'), line, found.end()
            try:
                line, at = self._decoded(next(self.lines)), 0
            except StopIteration:
                self._wrong("opens a quote that is never closed")
                break
            self.number += 1
        return "", "", 0

    def _decoded(self, line: bytes | None) -> str:
        if line is None:
            self.fault = self.fault or TOO_LONG
            return ""
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            self.fault = self.fault or not_utf8(line, error)
            return line.decode(errors="replace")  # so that its quotes are still there

    def _wrong(self, why: str) -> None:
        self.fault = self.fault or RowError("row-malformed", why)
