"""Parquet and Arrow IPC: by row groups and record batches, of the wanted columns alone.

What is behind a number of rows is reached by the files' metadata, without reading what is before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from albertkit.errors import FormatError, import_extra
from albertkit.errors.wording import first_line
from albertkit.tables.cells import CellType
from albertkit.tables.chunk import RowError
from albertkit.tables.formats import Kind

if TYPE_CHECKING:
    import pyarrow


TOGETHER = 4096  # rows at a time, where they are short
TOGETHER_BYTES = 2**25


class ArrowTable(Protocol):
    """A table of Arrow's types that is read from front to back."""

    schema: pyarrow.Schema
    rows: int | None  # None where only reading tells

    def batches(
        self, columns: Sequence[str], skip: int
    ) -> Iterator[pyarrow.RecordBatch | RowError]:
        """The rows behind the first `skip`, and what is lost of them."""


class ParquetTable:
    """A Parquet file, by its row groups."""

    def __init__(self, stream: BinaryIO) -> None:
        import pyarrow.parquet

        # a buffer for each column instead of its whole chunk
        self.file = pyarrow.parquet.ParquetFile(stream, buffer_size=2**20, pre_buffer=False)
        self.schema = self.file.schema_arrow
        metadata = self.file.metadata
        groups = range(self.file.num_row_groups)
        self.lengths = [metadata.row_group(number).num_rows for number in groups]
        self.rows: int | None = count_rows(self.lengths)

    def batches(
        self, columns: Sequence[str], skip: int
    ) -> Iterator[pyarrow.RecordBatch | RowError]:
        """See ArrowTable."""
        for number, length in enumerate(self.lengths):
            if skip < length:
                yield from self._group(number, list(columns), skip)
            skip = max(0, skip - length)

    def _group(
        self, number: int, columns: list[str], skip: int
    ) -> Iterator[pyarrow.RecordBatch | RowError]:
        group = self.file.metadata.row_group(number)
        size = max(1, group.total_byte_size // group.num_rows)
        together = max(1, min(TOGETHER, TOGETHER_BYTES // size))
        left = group.num_rows - skip
        error: Exception = ValueError("there are fewer rows than it says")
        try:
            with size_errors():
                for batch in self.file.iter_batches(together, [number], columns):
                    behind = batch.slice(skip, left)
                    skip = max(0, skip - batch.num_rows)
                    left -= behind.num_rows
                    yield behind
        except PYARROW_ERRORS as damage:
            error = damage
        if left:
            yield unreadable_rows(left, error)


class ArrowFile:
    """An Arrow IPC file, by its record batches.

    mapped: whether `source` is mapped, so that a batch is read when it is touched. Asking pyarrow
    for some of the columns would copy them then (26.0.1).
    """

    def __init__(self, source: BinaryIO, *, mapped: bool) -> None:
        import pyarrow.ipc

        self.source = source
        self.mapped = mapped
        self.file = pyarrow.ipc.open_file(source)
        self.schema = self.file.schema
        one = self._of(self.schema.names[:1])
        numbers = range(self.file.num_record_batches)
        self.lengths = [one.get_batch(number).num_rows for number in numbers]
        self.rows: int | None = count_rows(self.lengths)

    def batches(
        self, columns: Sequence[str], skip: int
    ) -> Iterator[pyarrow.RecordBatch | RowError]:
        """See ArrowTable."""
        wanted = self._of(columns)
        for number, length in enumerate(self.lengths):
            if skip < length:
                try:
                    with size_errors():
                        batch = wanted.get_batch(number).select(list(columns))
                        batch.validate()
                except PYARROW_ERRORS as error:
                    yield unreadable_rows(length - skip, error)
                else:
                    yield from _slices(batch, skip)
            skip = max(0, skip - length)

    def _of(self, columns: Sequence[str]) -> pyarrow.ipc.RecordBatchFileReader:
        import pyarrow.ipc

        if self.mapped:
            return self.file
        fields = [self.schema.get_field_index(name) for name in columns]
        options = pyarrow.ipc.IpcReadOptions(included_fields=fields)
        return pyarrow.ipc.open_file(self.source, options=options)


class ArrowStream:
    """An Arrow IPC stream, of which only the end tells how long it is."""

    rows: int | None = None

    def __init__(self, stream: BinaryIO, name: str) -> None:
        import pyarrow.ipc

        self.name = name
        self.stream = pyarrow.ipc.open_stream(stream)
        self.schema = self.stream.schema

    def batches(
        self, columns: Sequence[str], skip: int
    ) -> Iterator[pyarrow.RecordBatch | RowError]:
        """See ArrowTable; raises FormatError [file-malformed] where it cannot be read on."""
        while (batch := self._next()) is not None:
            if skip < batch.num_rows:
                yield from _slices(batch.select(list(columns)), skip)
            skip = max(0, skip - batch.num_rows)

    def _next(self) -> pyarrow.RecordBatch | None:
        with table_errors(self.name):
            batch = next(self.stream, None)
            if batch is not None:
                batch.validate()
            return batch


def open_table(stream: BinaryIO, kind: Kind, name: str, *, mapped: str | None = None) -> ArrowTable:
    """The table that `stream` holds; mapped: the path of its file, where that can be mapped.

    Raises FormatError [file-malformed], ResourceError [extra-missing].
    """
    pyarrow = import_extra("pyarrow", repr(name))
    with table_errors(name):
        if kind == "parquet":
            return ParquetTable(stream)
        if mapped is None:
            stream.seek(0)  # a pipe's, laid on disk, was looked at before
        # as bytes: pyarrow encodes a str itself, and no name that is not UTF-8 (26.0.1)
        source = stream if mapped is None else pyarrow.memory_map(os.fsencode(mapped))
        if kind == "arrow":
            return ArrowFile(source, mapped=mapped is not None)
        return ArrowStream(source, name)


def read_columns(table: ArrowTable, name: str) -> dict[str, CellType]:
    """Names and types; raises FormatError [file-malformed] for a name that stands there twice."""
    with table_errors(name):
        names = table.schema.names
    twice = next((each for each in names if names.count(each) > 1), None)
    if twice is None:
        return dict(zip(names, map(_plain_type, table.schema.types), strict=True))
    raise FormatError(
        "file-malformed",
        f"two columns are named {twice!r}",
        why="columns are found by their names",
        fix="Rename one",
        where=name,
    )


def _plain_type(kind: pyarrow.DataType) -> pyarrow.DataType:
    import pyarrow

    return kind.value_type if pyarrow.types.is_dictionary(kind) else kind


def _slices(batch: pyarrow.RecordBatch, skip: int) -> Iterator[pyarrow.RecordBatch]:
    size = max(1, batch.nbytes // max(1, batch.num_rows))
    together = max(1, min(TOGETHER, TOGETHER_BYTES // size))
    for start in range(skip, batch.num_rows, together):
        yield batch.slice(start, together)


MOST_ROWS = 2**40  # in one group: no honest writer comes near
MOST_BYTES = 2**40  # in one buffer: the same
ASKED_FOR = re.compile(r"size (\d+) failed")  # how pyarrow ends what it says of memory
# pyarrow's are subclasses of these
PYARROW_ERRORS = (OSError, ValueError, LookupError, NotImplementedError, TypeError)


@contextmanager
def table_errors(name: str) -> Iterator[None]:
    """Turn what pyarrow says of damaged tables into FormatError [file-malformed]."""
    try:
        with size_errors():
            yield
    except PYARROW_ERRORS as error:
        if getattr(error, "errno", None) is not None:  # the system's
            raise
        raise FormatError(
            "file-malformed",
            f"its table cannot be read: {first_line(error)}",
            why="it is damaged, or of a kind that pyarrow does not know",
            fix="Write or copy it again",
            where=name,
        ) from error


@contextmanager
def size_errors() -> Iterator[None]:
    """Memory for what no honest writer writes is not short: raise ValueError for such a size."""
    try:
        yield
    except MemoryError as error:
        asked = ASKED_FOR.search(str(error))
        if asked is None or int(asked[1]) <= MOST_BYTES:
            raise
        raise ValueError(f"it says that {int(asked[1]):,} bytes stand together") from error


def count_rows(lengths: Sequence[int]) -> int:
    """Rows in all; raises ValueError for numbers that no table has."""
    if any(not 0 <= length <= MOST_ROWS for length in lengths):
        raise ValueError(f"it says that {max(lengths, key=abs):,} rows stand together")
    return sum(lengths)


def unreadable_rows(rows: int, error: Exception) -> RowError:
    """The fault of so many rows that cannot be read."""
    others = f" and the {rows - 1:,} behind it" if rows > 1 else ""
    return RowError(
        "file-malformed", f"{others} cannot be read: {first_line(error)}".lstrip(), rows
    )
