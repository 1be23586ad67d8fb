"""Read texts from files of any format in batches; no file is ever held in memory as a whole.

Input: files and the names of columns. Output: RowBatches, in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from albertkit.errors import AlbertKitError, Diagnostic, FormatError, InputError
from albertkit.tables.cells import CellType
from albertkit.tables.chunk import Chunk, FindErrors, RowError, reject_rows
from albertkit.tables.filesystems.streams import is_transient, make_display_name
from albertkit.tables.readers.inputs import Inputs, Location, find_inputs
from albertkit.tables.readers.table_file import ARROW_FORMATS
from albertkit.tables.table import InvalidRow, RowBatch, concat_batches

BATCH_CHARACTERS = 2**24  # at most in a batch of several rows
REMEDIES = {
    "file-not-utf8": "Name the file's encoding (as --encoding cp1252)",
    "row-too-long": "Cut it into parts",
}


def read_batches(
    locations: Inputs | Location | Iterable[Location],
    *,
    column: str | None = None,
    keep: Sequence[str] = (),
    rows: int = 4096,
    skip_invalid: bool | None = None,
    start: int = 0,
    boundary: int | None = None,
    estimate: RowEstimate | None = None,
    find_errors: FindErrors | None = None,
) -> Iterator[RowBatch]:
    """Read the rows of all files.

    Args:
        locations: Files, directories, patterns, URIs or "-"; or Inputs that were found before.
        column: The column of texts; None: "text", or the only one.
        keep: Columns that are read with the texts, each of one type in all batches.
        rows: The rows of a batch; fewer if they are long. Rows of a pipe are yielded as they
            come.
        skip_invalid: List invalid rows in their batch; else the first one ends the
            reading, with a hint at --skip-invalid if this is False, and None for callers without
            that option.
        start: The number of the first row that is read, invalid ones counted.
        boundary: No batch spans a multiple of this row number.
        estimate: Counts rows and bytes of these inputs while they are read.
        find_errors: Finds rows that are invalid by the cells of their kept columns.

    Returns:
        The batches. Files and columns are checked by the call, rows while they are read.

    Raises:
        InputError: [file-not-found], [column-missing], [column-not-text], [column-types-differ],
            [option-invalid].
        FormatError: [row-malformed], [row-too-long], [file-not-utf8], [lone-surrogate],
            [file-malformed], [file-truncated] unless `skip_invalid`.
        ResourceError: [filesystem-unreachable], [out-of-memory] even with `skip_invalid`, as the
            rows may be valid; [file-unreadable], [extra-missing].
    """
    for name, value, least in (
        ("rows", rows, 1),
        ("start", start, 0),
        ("boundary", 1 if boundary is None else boundary, 1),
    ):
        if value < least:
            raise InputError("option-invalid", f"{name} is {value}", fix=f"Give {least} or more")
    inputs = locations if isinstance(locations, Inputs) else find_inputs(locations, column=column)
    inputs.raise_errors(skip_invalid=bool(skip_invalid))
    types = inputs.types(keep)
    columns = inputs.columns(column)
    batches = _read_files(
        inputs,
        columns,
        types,
        start,
        skip_invalid=skip_invalid,
        estimate=estimate,
        find_errors=find_errors,
    )
    is_live = any(file.stream is not None for file in inputs.files)
    return _regroup(batches, rows, boundary, is_live=is_live)


def read_texts(
    locations: Inputs | Location | Iterable[Location], *, column: str | None = None
) -> Iterator[str]:
    """Read the texts of all files, one after another; arguments and errors as `read_batches`."""
    return (text for batch in read_batches(locations, column=column) for text in batch.texts)


class RowEstimate:
    """Estimates how many rows inputs have, by the rows and bytes that were read so far.

    Only files without a number of rows in their metadata are counted; bytes are those on disk.
    """

    def __init__(self, inputs: Inputs) -> None:
        """Start counting the rows and bytes of inputs."""
        self._rows = 0
        self._bytes = 0
        self._rows_at_mark, self._bytes_at_mark = 0, 0  # rows, and exactly the bytes they took
        unknown = [file for file in inputs.files if file.rows is None and not file.error]
        sizes = [
            file.size
            for file in unknown
            if file.size is not None and file.file_format not in ARROW_FORMATS
        ]
        # None for pipes and memory-mapped tables, whose bytes read cannot be counted
        self._total_bytes = sum(sizes) if len(sizes) == len(unknown) else None
        self._known = sum(1 if file.error else file.rows or 0 for file in inputs.files)

    def rows(self) -> int | None:
        """The estimated rows in all, exact at the end; None if there is no estimate yet."""
        if self._total_bytes == 0:
            return self._known
        if self._total_bytes is None or not self._bytes_at_mark:
            return None
        estimate = round(self._rows_at_mark * self._total_bytes / self._bytes_at_mark)
        return self._known + max(self._rows, estimate)

    def add_bytes(self, count: int) -> None:
        """Count bytes that were read.

        The first bytes after a row mean that all earlier bytes were consumed.
        """
        if self._rows > self._rows_at_mark:
            self.mark()
        self._bytes += count

    def add_rows(self, rows: int) -> None:
        """Count rows that were read."""
        self._rows += rows

    def mark(self) -> None:
        """All bytes counted so far belong to rows counted so far, as at a file's end."""
        self._rows_at_mark, self._bytes_at_mark = self._rows, self._bytes


def _read_files(
    inputs: Inputs,
    columns: Sequence[str],
    types: Mapping[str, CellType],
    start: int,
    *,
    skip_invalid: bool | None,
    estimate: RowEstimate | None,
    find_errors: FindErrors | None,
) -> Iterator[RowBatch]:
    """Yield the chunks of all files as batches."""
    number = 0
    for file, column in zip(inputs.files, columns, strict=True):
        before = number - 1  # rows of a file are counted from 1
        skip = max(0, start - number)
        if file.rows is not None and skip >= file.rows:
            number += file.rows
            continue
        counter = estimate if file.rows is None and file.error is None else None
        try:
            if file.error is not None:
                raise file.error
            for chunk in file.chunks(column, types, skip, counter.add_bytes if counter else None):
                if counter is not None:
                    counter.add_rows(chunk if isinstance(chunk, int) else chunk.rows)
                if isinstance(chunk, int):
                    number += chunk
                    continue
                valid = reject_rows(chunk, find_errors)
                batch = _make_batch(valid, make_display_name(file.name), number, number - before)
                if batch.invalid and not skip_invalid:
                    yield batch.split(batch.invalid[0].number - number)[0]
                    raise invalid_row_error(batch.invalid[0], can_skip=skip_invalid is not None)
                number = batch.end
                yield batch
            if counter is not None:
                counter.mark()
        except AlbertKitError as error:
            if not skip_invalid or is_transient(error):
                raise
            if counter is not None:
                counter.add_rows(1)
                counter.mark()
            if number >= start:
                rest = RowError(error.diagnostic.code, _describe_rest(error.diagnostic))
                chunk = Chunk([], {name: [] for name in types}, ((0, rest),))
                yield _make_batch(chunk, make_display_name(file.name), number, number - before)
            number += 1


def _make_batch(chunk: Chunk, file: str, number: int, row: int) -> RowBatch:
    """The chunk as a batch; number: of its first row through all files, row: in its file."""
    invalid: list[InvalidRow] = []
    extra = 0  # rows that earlier errors stand for, besides one each
    for index, error in chunk.errors:
        offset = index + extra
        invalid.append(
            InvalidRow(file, row + offset, error.code, error.why, number + offset, error.rows)
        )
        extra += error.rows - 1
    return RowBatch(chunk.texts, chunk.kept, number, tuple(invalid))


def invalid_row_error(invalid: InvalidRow, *, can_skip: bool) -> FormatError:
    """The error of the first invalid row; can_skip: whether the caller could leave it out."""
    remedy = REMEDIES.get(invalid.code, "Correct the row")
    return FormatError(
        invalid.code,
        f"row {invalid.row} {invalid.why}",
        why="each row needs its texts",
        fix=f"{remedy}, or leave out invalid rows with --skip-invalid" if can_skip else remedy,
        where=invalid.file,
    )


def _describe_rest(diagnostic: Diagnostic) -> str:
    return f"and the rows after it: {diagnostic.what}; {diagnostic.why}".removesuffix("; ")


def _regroup(
    batches: Iterator[RowBatch], rows: int, boundary: int | None, *, is_live: bool
) -> Iterator[RowBatch]:
    """Yield the same rows in batches of `rows`, which do not span a boundary.

    Batches of a live stream are not held back until there are more rows.
    """
    waiting: list[RowBatch] = []
    count = characters = 0
    for batch in batches:
        rest = batch
        while rest.rows:
            room = rows - count
            if boundary is not None:
                room = min(room, boundary - rest.first % boundary)
            head, rest = rest.split(room)
            waiting.append(head)
            count += head.rows
            characters += sum(map(len, head.texts))
            is_full = is_live or count == rows or characters >= BATCH_CHARACTERS
            if is_full or (boundary is not None and head.end % boundary == 0):
                yield concat_batches(waiting)
                waiting, count, characters = [], 0, 0
    if waiting:
        yield concat_batches(waiting)
