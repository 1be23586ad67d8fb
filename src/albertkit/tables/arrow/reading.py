"""Read Parquet and Arrow IPC by row groups and record batches, only the columns asked for.

Metadata lead straight to any row number; the rows before it are not read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from albertkit.errors import FormatError, import_extra
from albertkit.errors.exceptions import take_first_line
from albertkit.tables.cells import CellType
from albertkit.tables.chunk import RowError
from albertkit.tables.formats import TableFormat

if TYPE_CHECKING:
    import pyarrow

BATCH_ROWS = 4096  # at a time, fewer if they are large
BATCH_BYTES = 2**25
MOST_ROWS = 2**40  # in one group: no valid file comes near
MOST_BUFFER_BYTES = 2**40  # in one buffer: likewise
ALLOCATION_SIZE = re.compile(r"size (\d+) failed")  # the end of pyarrow's message


def pyarrow_errors() -> tuple[type[Exception], ...]:
    """What pyarrow raises for a damaged file.

    Changed bytes can name a type that it lacks, integers of 0 bits: ArrowNotImplementedError.
    """
    import pyarrow

    return (OSError, ValueError, LookupError, TypeError, pyarrow.ArrowNotImplementedError)


class ArrowTable(Protocol):
    """A table that is read from front to back."""

    schema: pyarrow.Schema
    rows: int | None  # None if only reading shows it

    def batches(
        self, columns: Sequence[str], skip: int
    ) -> Iterator[pyarrow.RecordBatch | RowError]:
        """Yield the rows after the first `skip`, and an error for rows that cannot be read."""


class ParquetTable:
    """A Parquet file, read by its row groups."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read the metadata of the file."""
        import pyarrow.parquet

        # with a buffer size each column has a buffer, not its whole chunk
        self.file = pyarrow.parquet.ParquetFile(stream, buffer_size=2**20, pre_buffer=False)
        self.schema = self.file.schema_arrow
        metadata = self.file.metadata
        groups = range(self.file.num_row_groups)
        self.lengths = [metadata.row_group(number).num_rows for number in groups]
        self.rows: int | None = _sum_lengths(self.lengths)

    def batches(
        self, columns: Sequence[str], skip: int
    ) -> Iterator[pyarrow.RecordBatch | RowError]:
        """See ArrowTable."""
        for number, length in enumerate(self.lengths):
            if skip < length:
                yield from self._read_group(number, list(columns), skip)
            skip = max(0, skip - length)

    def _read_group(
        self, number: int, columns: list[str], skip: int
    ) -> Iterator[pyarrow.RecordBatch | RowError]:
        group = self.file.metadata.row_group(number)
        row_bytes = max(1, group.total_byte_size // group.num_rows)
        batch_rows = max(1, min(BATCH_ROWS, BATCH_BYTES // row_bytes))
        left = group.num_rows - skip
        error: Exception = ValueError("there are fewer rows than the metadata say")
        try:
            with _allocation_errors():
                for batch in self.file.iter_batches(batch_rows, [number], columns):
                    rest = batch.slice(skip, left)
                    skip = max(0, skip - batch.num_rows)
                    left -= rest.num_rows
                    yield rest
        except pyarrow_errors() as damage:
            error = damage
        if left:
            yield _make_row_error(left, error)


class ArrowFile:
    """An Arrow IPC file, read by its record batches."""

    def __init__(self, source: BinaryIO, *, is_mapped: bool) -> None:
        """Read the metadata of the file.

        Args:
            source: The file.
            is_mapped: Whether `source` is mapped into memory, so that a batch is read when it is
                touched. If pyarrow selects columns of a mapped file, it copies them (26.0.1).
        """
        import pyarrow.ipc

        self.source = source
        self.is_mapped = is_mapped
        self.file = pyarrow.ipc.open_file(source)
        self.schema = self.file.schema
        first_column = self._select(self.schema.names[:1])
        numbers = range(self.file.num_record_batches)
        self.lengths = [first_column.get_batch(number).num_rows for number in numbers]
        self.rows: int | None = _sum_lengths(self.lengths)

    def batches(
        self, columns: Sequence[str], skip: int
    ) -> Iterator[pyarrow.RecordBatch | RowError]:
        """See ArrowTable."""
        file = self._select(columns)
        for number, length in enumerate(self.lengths):
            if skip < length:
                try:
                    with _allocation_errors():
                        batch = file.get_batch(number).select(list(columns))
                        batch.validate()
                except pyarrow_errors() as error:
                    yield _make_row_error(length - skip, error)
                else:
                    yield from _slice_batch(batch, skip)
            skip = max(0, skip - length)

    def _select(self, columns: Sequence[str]) -> pyarrow.ipc.RecordBatchFileReader:
        import pyarrow.ipc

        if self.is_mapped:
            return self.file
        fields = [self.schema.get_field_index(name) for name in columns]
        options = pyarrow.ipc.IpcReadOptions(included_fields=fields)
        return pyarrow.ipc.open_file(self.source, options=options)


class ArrowStream:
    """An Arrow IPC stream, whose length is known at its end."""

    rows: int | None = None

    def __init__(self, stream: BinaryIO, name: str) -> None:
        """Read the schema at the beginning of the stream."""
        import pyarrow.ipc

        self.name = name
        self.stream = pyarrow.ipc.open_stream(stream)
        self.schema = self.stream.schema

    def batches(
        self, columns: Sequence[str], skip: int
    ) -> Iterator[pyarrow.RecordBatch | RowError]:
        """See ArrowTable; raises FormatError [file-malformed] where it cannot be read further."""
        while (batch := self._next()) is not None:
            if skip < batch.num_rows:
                yield from _slice_batch(batch.select(list(columns)), skip)
            skip = max(0, skip - batch.num_rows)

    def _next(self) -> pyarrow.RecordBatch | None:
        with table_errors(self.name):
            batch = next(self.stream, None)
            if batch is not None:
                batch.validate()
            return batch


def open_table(
    stream: BinaryIO, file_format: TableFormat, name: str, *, memory_map_path: str | None = None
) -> ArrowTable:
    """Open the table in a stream.

    Args:
        stream: The file's bytes.
        file_format: "parquet", "arrow" or "arrow-stream".
        name: The file's name, for messages.
        memory_map_path: The file's path, if it can be mapped into memory.

    Raises:
        FormatError: [file-malformed].
        ResourceError: [extra-missing].
    """
    pyarrow = import_extra("pyarrow", repr(name))
    with table_errors(name):
        if file_format == "parquet":
            return ParquetTable(stream)
        if memory_map_path is None:
            stream.seek(0)  # the spooled file of a pipe was read before
        # as bytes: pyarrow encodes a str itself, and fails for names that are not UTF-8 (26.0.1)
        source = (
            stream if memory_map_path is None else pyarrow.memory_map(os.fsencode(memory_map_path))
        )
        if file_format == "arrow":
            return ArrowFile(source, is_mapped=memory_map_path is not None)
        return ArrowStream(source, name)


def read_columns(table: ArrowTable, name: str) -> dict[str, CellType]:
    """Read the names and types of the columns.

    Raises:
        FormatError: [file-malformed] if two columns have one name.
    """
    with table_errors(name):
        names = table.schema.names
    double = next((column for column in names if names.count(column) > 1), None)
    if double is None:
        return dict(zip(names, map(_get_value_type, table.schema.types), strict=True))
    raise FormatError(
        "file-malformed",
        f"two columns are named {double!r}",
        why="columns are found by their names",
        fix="Rename one",
        where=name,
    )


def _get_value_type(arrow_type: pyarrow.DataType) -> pyarrow.DataType:
    import pyarrow

    return arrow_type.value_type if pyarrow.types.is_dictionary(arrow_type) else arrow_type


def _slice_batch(batch: pyarrow.RecordBatch, skip: int) -> Iterator[pyarrow.RecordBatch]:
    row_bytes = max(1, batch.nbytes // max(1, batch.num_rows))
    rows = max(1, min(BATCH_ROWS, BATCH_BYTES // row_bytes))
    for start in range(skip, batch.num_rows, rows):
        yield batch.slice(start, rows)


@contextmanager
def table_errors(name: str) -> Iterator[None]:
    """Translate pyarrow's errors into FormatError [file-malformed]."""
    try:
        with _allocation_errors():
            yield
    except pyarrow_errors() as error:
        if getattr(error, "errno", None) is not None:  # the system's
            raise
        raise FormatError(
            "file-malformed",
            f"its table cannot be read: {take_first_line(error)}",
            why="it is damaged, or of a version that pyarrow does not know",
            fix="Write or copy it again",
            where=name,
        ) from error


@contextmanager
def _allocation_errors() -> Iterator[None]:
    """Raise ValueError if memory was short for a size that no valid file has."""
    try:
        yield
    except MemoryError as error:
        size = ALLOCATION_SIZE.search(str(error))
        if size is None or int(size[1]) <= MOST_BUFFER_BYTES:
            raise
        raise ValueError(f"it claims a buffer of {int(size[1]):,} bytes") from error


def _sum_lengths(lengths: Sequence[int]) -> int:
    """The rows in all; raises ValueError for a number of rows that no table has."""
    if any(not 0 <= length <= MOST_ROWS for length in lengths):
        raise ValueError(f"it claims a group of {max(lengths, key=abs):,} rows")
    return sum(lengths)


def _make_row_error(rows: int, error: Exception) -> RowError:
    """The error of rows that cannot be read."""
    others = f"and the {rows - 1:,} rows after it " if rows > 1 else ""
    return RowError("file-malformed", f"{others}cannot be read: {take_first_line(error)}", rows)
