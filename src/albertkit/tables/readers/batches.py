"""Texts from files of every kind, in batches, without ever holding a whole file.

In: places and the names of columns. Out: RowBatches, in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from albertkit.errors import AlbertKitError, Diagnostic, FormatError, InputError
from albertkit.tables.batch import InvalidRow, RowBatch, joined
from albertkit.tables.cells import CellType
from albertkit.tables.chunk import Fault, Piece
from albertkit.tables.filesystems.streams import called, is_stream, may_pass
from albertkit.tables.readers.inputs import Inputs, Place, find_inputs, names_of
from albertkit.tables.readers.table_file import TABLES

REMEDIES = {
    "file-not-utf8": "Convert the file (as iconv -f latin1 -t utf-8 does)",
    "row-too-long": "Cut it into parts",
}
TEXTS_TOGETHER = 2**24  # characters in a batch


def read_batches(
    places: Inputs | Place | Iterable[Place],
    *,
    column: str | None = None,
    keep: Sequence[str] = (),
    rows: int = 4096,
    skip_bad: bool = False,
    start: int = 0,
    border: int | None = None,
    foreseen: RowEstimate | None = None,
) -> Iterator[RowBatch]:
    """The rows of all places from number `start` on, bad ones counted, `rows` at a time or fewer.

    column: that holds the texts; None: "text", or the only one there is. keep: columns that
    travel along, each of one type in all batches. skip_bad: whether a row that has no text is told
    in its batch; else it ends the reading. border: no batch reaches over a multiple of it.
    foreseen: of these inputs, is told what was read.
    What is wrong with the files or the columns is raised by the call itself: InputError
    [file-not-found], [column-missing], [column-not-text], [column-types-differ], and what makes
    a file unreadable. Reading raises FormatError: [row-malformed], [row-too-long],
    [file-not-utf8], [lone-surrogate], [file-malformed], [file-truncated]; and, skip_bad or not,
    ResourceError [filesystem-unreachable], [out-of-memory] for what may pass.
    """
    for name, value, least in (
        ("rows", rows, 1),
        ("start", start, 0),
        ("border", 1 if border is None else border, 1),
    ):
        if value < least:
            raise InputError(
                "option-invalid", f"{name} is {value}", fix=f"Give a number from {least} on"
            )
    inputs = places if isinstance(places, Inputs) else find_inputs(places)
    inputs.refuse_broken(skip_bad=skip_bad)
    types = inputs.types(keep)
    columns = inputs.columns(column)
    read = _rows_of(inputs, columns, types, start, skip_bad=skip_bad, foreseen=foreseen)
    return _regrouped(read, rows, border)


def read_texts(
    places: Inputs | Place | Iterable[Place], *, column: str | None = None
) -> Iterator[str]:
    """The texts alone, one after another; raises as `read_batches` does."""
    return (text for batch in read_batches(places, column=column) for text in batch.texts)


def count_rows(places: Inputs | Place | Iterable[Place]) -> int | None:
    """How many rows there are, where metadata tell; None for lines, and for standard input."""
    if isinstance(places, Inputs):
        return places.rows
    names = names_of(places)
    if any(is_stream(name) for name in names):  # what is looked at could not be read again
        return None
    return find_inputs(names).rows


def _rows_of(
    inputs: Inputs,
    columns: Sequence[str],
    types: Mapping[str, CellType],
    start: int,
    *,
    skip_bad: bool,
    foreseen: RowEstimate | None,
) -> Iterator[RowBatch]:
    """The pieces of all files, numbered."""
    number = 0
    for file, column in zip(inputs.files, columns, strict=True):
        first = number - 1  # rows are counted from 1 in a file
        skip = max(0, start - number)
        if file.rows is not None and skip >= file.rows:
            number += file.rows
            continue
        seen = foreseen if file.rows is None and file.error is None else None
        try:
            if file.error is not None:
                raise file.error
            for piece in file.pieces(column, types, skip, seen.brought if seen else None):
                if seen is not None:
                    seen.given(piece if isinstance(piece, int) else piece.rows)
                if isinstance(piece, int):
                    number += piece
                    continue
                batch = _numbered(piece, called(file.name), number, number - first)
                if batch.bad and not skip_bad:
                    yield batch.split(batch.bad[0].number - number)[0]
                    raise _bad_row(batch.bad[0])
                number = batch.end
                yield batch
            if seen is not None:
                seen.settled()
        except AlbertKitError as error:
            if not skip_bad or may_pass(error):
                raise
            if seen is not None:
                seen.given(1)
                seen.settled()
            if number >= start:
                broken = Fault(error.diagnostic.code, _said(error.diagnostic))
                lost = Piece([], {name: [] for name in types}, ((0, broken),))
                yield _numbered(lost, called(file.name), number, number - first)
            number += 1


def _numbered(piece: Piece, place: str, number: int, row: int) -> RowBatch:
    """The piece whose first row has this number, and is this row of its file."""
    bad: list[InvalidRow] = []
    beyond = 0  # rows that faults before stand for besides their own
    for place_in_piece, fault in piece.faults:
        at = place_in_piece + beyond
        bad.append(InvalidRow(place, row + at, fault.code, fault.why, number + at, fault.rows))
        beyond += fault.rows - 1
    return RowBatch(piece.texts, piece.kept, number, tuple(bad))


def _bad_row(bad: InvalidRow) -> FormatError:
    return FormatError(
        bad.code,
        f"row {bad.row} {bad.why}",
        why="every row must be readable, as each gets an answer",
        fix=f"{REMEDIES.get(bad.code, 'Correct the row')}, or have bad rows left out (--skip-bad)",
        where=bad.place,
    )


def _said(diagnostic: Diagnostic) -> str:
    return f"and what follows: {diagnostic.what}; {diagnostic.why}".removesuffix("; ")


def _regrouped(batches: Iterator[RowBatch], rows: int, border: int | None) -> Iterator[RowBatch]:
    """The same rows, `rows` in a batch where the texts are not too long for that."""
    held: list[RowBatch] = []
    count = size = 0
    for batch in batches:
        rest = batch
        while rest.rows:
            room = rows - count
            if border is not None:
                room = min(room, border - rest.first % border)
            head, rest = rest.split(room)
            held.append(head)
            count += head.rows
            size += sum(map(len, head.texts))
            full = count == rows or size >= TEXTS_TOGETHER
            if full or (border is not None and head.end % border == 0):
                yield joined(held)
                held, count, size = [], 0, 0
    if held:
        yield joined(held)


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

    def brought(self, count: int) -> None:
        """Count so many bytes; the first behind a row are asked for when all before are used up."""
        if self._rows > self._together[0]:
            self.settled()
        self._read += count

    def given(self, rows: int) -> None:
        """Count so many rows."""
        self._rows += rows

    def settled(self) -> None:
        """All rows of the bytes that were brought are given: so it is at a file's end."""
        self._together = self._rows, self._read
