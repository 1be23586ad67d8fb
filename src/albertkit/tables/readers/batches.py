"""Texts from files of every kind, in batches, without ever holding a whole file.

In: places and the names of columns. Out: RowBatches, in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from albertkit.errors import AlbertKitError, Diagnostic, FormatError, InputError
from albertkit.tables.batch import InvalidRow, RowBatch, concat_batches
from albertkit.tables.cells import CellType
from albertkit.tables.chunk import Chunk, RowError
from albertkit.tables.filesystems.streams import called, is_stream, is_transient
from albertkit.tables.readers.inputs import Inputs, Place, find_inputs, names_of
from albertkit.tables.readers.table_file import TABLES

REMEDIES = {
    "file-not-utf8": "Convert the file (as iconv -f latin1 -t utf-8 does)",
    "row-too-long": "Cut it into parts",
}
TEXTS_TOGETHER = 2**24  # characters in a batch


def read_batches(
    locations: Inputs | Place | Iterable[Place],
    *,
    column: str | None = None,
    keep: Sequence[str] = (),
    rows: int = 4096,
    skip_invalid: bool = False,
    start: int = 0,
    boundary: int | None = None,
    estimate: RowEstimate | None = None,
) -> Iterator[RowBatch]:
    """The rows of all places from number `start` on, bad ones counted, `rows` at a time or fewer.

    column: that holds the texts; None: "text", or the only one there is. keep: columns that
    travel along, each of one type in all batches. skip_invalid: list a row without text
    in its batch; else it ends the reading. border: no batch reaches over a multiple of it.
    foreseen: of these inputs, is told what was read.
    What is wrong with the files or the columns is raised by the call itself: InputError
    [file-not-found], [column-missing], [column-not-text], [column-types-differ], and what makes
    a file unreadable. Reading raises FormatError: [row-malformed], [row-too-long],
    [file-not-utf8], [lone-surrogate], [file-malformed], [file-truncated]; and, skip_invalid or not,
    ResourceError [filesystem-unreachable], [out-of-memory] for what may pass.
    """
    for name, value, least in (
        ("rows", rows, 1),
        ("start", start, 0),
        ("boundary", 1 if boundary is None else boundary, 1),
    ):
        if value < least:
            raise InputError(
                "option-invalid", f"{name} is {value}", fix=f"Give a number from {least} on"
            )
    inputs = locations if isinstance(locations, Inputs) else find_inputs(locations)
    inputs.refuse_broken(skip_invalid=skip_invalid)
    types = inputs.types(keep)
    columns = inputs.columns(column)
    read = _rows_of(inputs, columns, types, start, skip_invalid=skip_invalid, estimate=estimate)
    return _regrouped(read, rows, boundary)


def read_texts(
    locations: Inputs | Place | Iterable[Place], *, column: str | None = None
) -> Iterator[str]:
    """The texts alone, one after another; raises as `read_batches` does."""
    return (text for batch in read_batches(locations, column=column) for text in batch.texts)


def count_rows(locations: Inputs | Place | Iterable[Place]) -> int | None:
    """How many rows there are, where metadata tell; None for lines, and for standard input."""
    if isinstance(locations, Inputs):
        return locations.rows
    names = names_of(locations)
    if any(is_stream(name) for name in names):  # what is looked at could not be read again
        return None
    return find_inputs(names).rows


def _rows_of(
    inputs: Inputs,
    columns: Sequence[str],
    types: Mapping[str, CellType],
    start: int,
    *,
    skip_invalid: bool,
    estimate: RowEstimate | None,
) -> Iterator[RowBatch]:
    """The pieces of all files, numbered."""
    number = 0
    for file, column in zip(inputs.files, columns, strict=True):
        first = number - 1  # rows are counted from 1 in a file
        skip = max(0, start - number)
        if file.rows is not None and skip >= file.rows:
            number += file.rows
            continue
        seen = estimate if file.rows is None and file.error is None else None
        try:
            if file.error is not None:
                raise file.error
            for piece in file.pieces(column, types, skip, seen.add_bytes if seen else None):
                if seen is not None:
                    seen.add_rows(piece if isinstance(piece, int) else piece.rows)
                if isinstance(piece, int):
                    number += piece
                    continue
                batch = _numbered(piece, called(file.name), number, number - first)
                if batch.invalid and not skip_invalid:
                    yield batch.split(batch.invalid[0].number - number)[0]
                    raise _invalid_row_error(batch.invalid[0])
                number = batch.end
                yield batch
            if seen is not None:
                seen.mark()
        except AlbertKitError as error:
            if not skip_invalid or is_transient(error):
                raise
            if seen is not None:
                seen.add_rows(1)
                seen.mark()
            if number >= start:
                broken = RowError(error.diagnostic.code, _said(error.diagnostic))
                unreadable_rows = Chunk([], {name: [] for name in types}, ((0, broken),))
                yield _numbered(unreadable_rows, called(file.name), number, number - first)
            number += 1


def _numbered(piece: Chunk, path: str, number: int, row: int) -> RowBatch:
    """The piece whose first row has this number, and is this row of its file."""
    invalid: list[InvalidRow] = []
    beyond = 0  # rows that faults before stand for besides their own
    for place_in_piece, fault in piece.errors:
        at = place_in_piece + beyond
        invalid.append(InvalidRow(path, row + at, fault.code, fault.why, number + at, fault.rows))
        beyond += fault.rows - 1
    return RowBatch(piece.texts, piece.kept, number, tuple(invalid))


def _invalid_row_error(invalid: InvalidRow) -> FormatError:
    return FormatError(
        invalid.code,
        f"row {invalid.row} {invalid.why}",
        why="every row must be readable, as each gets an answer",
        fix=f"{REMEDIES.get(invalid.code, 'Correct the row')}, or leave out invalid rows with"
        " --skip-invalid",
        where=invalid.file,
    )


def _said(diagnostic: Diagnostic) -> str:
    return f"and what follows: {diagnostic.what}; {diagnostic.why}".removesuffix("; ")


def _regrouped(batches: Iterator[RowBatch], rows: int, boundary: int | None) -> Iterator[RowBatch]:
    """The same rows, `rows` in a batch where the texts are not too long for that."""
    held: list[RowBatch] = []
    count = size = 0
    for batch in batches:
        rest = batch
        while rest.rows:
            room = rows - count
            if boundary is not None:
                room = min(room, boundary - rest.first % boundary)
            head, rest = rest.split(room)
            held.append(head)
            count += head.rows
            size += sum(map(len, head.texts))
            full = count == rows or size >= TEXTS_TOGETHER
            if full or (boundary is not None and head.end % boundary == 0):
                yield concat_batches(held)
                held, count, size = [], 0, 0
    if held:
        yield concat_batches(held)


class RowEstimate:
    """Of inputs while they are read: those who read count rows and bytes here.

    Only files that do not say how many rows they have are counted, bytes as they lie on disk.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._rows = 0
        self._read = 0
        self._together = 0, 0  # rows, and the bytes that they had, when more were asked for
        silent = [file for file in inputs.files if file.rows is None and not file.error]
        sizes = [file.size for file in silent if file.size is not None and file.kind not in TABLES]
        # None: of a pipe, or of a table, of whose bytes nobody tells as they are mapped
        self._bytes = sum(sizes) if len(sizes) == len(silent) else None
        self._known = sum(1 if file.error else file.rows or 0 for file in inputs.files)

    def rows(self) -> int | None:
        """About how many there are in all, exactly at the end; None where nothing tells yet."""
        if self._bytes == 0:
            return self._known
        rows, size = self._together
        if self._bytes is None or not size:
            return None
        return self._known + max(self._rows, round(rows * self._bytes / size))

    def add_bytes(self, count: int) -> None:
        """Count so many bytes; the first behind a row are asked for when all before are used up."""
        if self._rows > self._together[0]:
            self.mark()
        self._read += count

    def add_rows(self, rows: int) -> None:
        """Count so many rows."""
        self._rows += rows

    def mark(self) -> None:
        """All rows of the bytes that were brought are given: so it is at a file's end."""
        self._together = self._rows, self._read
