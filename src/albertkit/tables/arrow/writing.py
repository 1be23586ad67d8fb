"""Write Parquet and Arrow IPC batch by batch; the same rows give the same bytes.

Vectors are a fixed-size list column. Row groups have ROW_GROUP rows whatever the tables' sizes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Protocol

import numpy as np

from albertkit.errors import import_extra
from albertkit.tables.cells import CellType, to_arrow_type
from albertkit.tables.table import Column, Table

if TYPE_CHECKING:
    import pyarrow

ROW_GROUP = 8192  # of 768 float32 numbers each these are 25 MB


class BatchWriter(Protocol):
    """The methods that pyarrow's two writers share."""

    def write_table(self, table: pyarrow.Table) -> None:
        """Write the rows as one group."""

    def close(self) -> None:
        """Write the end of the file."""


class ArrowWriter(ABC):
    """Collects rows into groups for a writer that is opened when the columns are known."""

    def __init__(self, file: BinaryIO, types: Mapping[str, CellType]) -> None:
        """Collect no rows yet."""
        import_extra("pyarrow", "a Parquet or Arrow file")
        self.file = file
        self.types = types
        self.schema: pyarrow.Schema | None = None
        self.writer: BatchWriter | None = None
        self.waiting: list[pyarrow.Table] = []

    @abstractmethod
    def open_writer(self, schema: pyarrow.Schema) -> BatchWriter:
        """Open pyarrow's writer."""

    def write(self, table: Table) -> None:
        """See TableWriter."""
        import pyarrow

        if self.schema is None:
            self.schema = pyarrow.schema(
                [
                    pyarrow.field(name, _choose_column_type(column, self.types.get(name)))
                    for name, column in table.columns.items()
                ]
            )
            self.writer = self.open_writer(self.schema)
        arrays = [_make_array(table.columns[field.name], field.type) for field in self.schema]
        self.waiting.append(pyarrow.table(arrays, schema=self.schema))
        self._write_groups(ROW_GROUP)

    def finish(self) -> None:
        """See TableWriter."""
        self._write_groups(1)
        if self.writer is not None:
            self.writer.close()

    def abandon(self) -> None:
        """See TableWriter."""
        if self.writer is not None:  # else it writes the end when it is garbage-collected
            with suppress(OSError, ValueError):
                self.writer.close()

    def _write_groups(self, least: int) -> None:
        import pyarrow

        while self.writer is not None and sum(map(len, self.waiting)) >= least:
            rows = pyarrow.concat_tables(self.waiting)
            self.writer.write_table(rows.slice(0, ROW_GROUP).combine_chunks())
            self.waiting = [rows.slice(ROW_GROUP)]


class ParquetWriter(ArrowWriter):
    """A Parquet file: texts are compressed, vectors are not, as they hardly become smaller."""

    def open_writer(self, schema: pyarrow.Schema) -> BatchWriter:
        """See ArrowWriter."""
        import pyarrow.parquet

        vectors = [field.name for field in schema if _is_vector_type(field.type)]
        others = [name for name in schema.names if name not in vectors]
        writer: BatchWriter = pyarrow.parquet.ParquetWriter(
            self.file,
            schema,
            compression={
                **{f"{name}.list.element": "none" for name in vectors},
                **dict.fromkeys(others, "zstd"),
            },
            use_dictionary=others,
            write_statistics=others,
        )
        return writer


class ArrowFileWriter(ArrowWriter):
    """An Arrow IPC file, which can be mapped into memory."""

    def open_writer(self, schema: pyarrow.Schema) -> BatchWriter:
        """See ArrowWriter."""
        import pyarrow.ipc

        writer: BatchWriter = pyarrow.ipc.new_file(self.file, schema)
        return writer


def _choose_column_type(column: Column, cell_type: CellType | None) -> pyarrow.DataType:
    import pyarrow

    if isinstance(column, np.ndarray):
        numbers = pyarrow.from_numpy_dtype(column.dtype)
        return pyarrow.list_(numbers, column.shape[1]) if column.ndim == 2 else numbers
    if cell_type is not None:
        return to_arrow_type(cell_type)
    inferred = pyarrow.array(column).type
    return pyarrow.string() if pyarrow.types.is_null(inferred) else inferred


def _make_array(column: Column, arrow_type: pyarrow.DataType) -> pyarrow.Array:
    import pyarrow

    if isinstance(column, np.ndarray) and column.ndim == 2:
        numbers = pyarrow.array(np.ascontiguousarray(column).reshape(-1))
        return pyarrow.FixedSizeListArray.from_arrays(numbers, type=arrow_type)
    if isinstance(column, pyarrow.Array):
        return column if column.type == arrow_type else column.cast(arrow_type)
    return pyarrow.array(column, arrow_type)


def _is_vector_type(arrow_type: pyarrow.DataType) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_fixed_size_list(arrow_type))
