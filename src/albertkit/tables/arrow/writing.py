"""Parquet and Arrow IPC, written batch by batch; the same rows give the same bytes.

Vectors are a fixed-size list column. Row groups have ROW_GROUP rows however the tables came.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Protocol

import numpy as np

from albertkit.errors import import_extra
from albertkit.tables.cells import CellType, arrow_type
from albertkit.tables.table import Column, Table

if TYPE_CHECKING:
    import pyarrow

ROW_GROUP = 8192  # of 768 float32 numbers each these are 25 MB


class BatchWriter(Protocol):
    """What pyarrow's two writers have in common."""

    def write_table(self, table: pyarrow.Table) -> None:
        """Write the rows as one group."""

    def close(self) -> None:
        """Write what stands at the end."""


class ArrowWriter(ABC):
    """Gathers rows to groups for the writer that `begun` makes when the columns are known."""

    def __init__(self, file: BinaryIO, types: Mapping[str, CellType]) -> None:
        import_extra("pyarrow", "a file of Parquet's or Arrow's")
        self.file = file
        self.types = types
        self.schema: pyarrow.Schema | None = None
        self.writer: BatchWriter | None = None
        self.held: list[pyarrow.Table] = []

    @abstractmethod
    def begun(self, schema: pyarrow.Schema) -> BatchWriter:
        """Pyarrow's writer of this kind."""

    def write(self, table: Table) -> None:
        """See TableWriter."""
        import pyarrow

        if self.schema is None:
            self.schema = pyarrow.schema(
                [
                    pyarrow.field(name, _type_of(column, self.types.get(name)))
                    for name, column in table.columns.items()
                ]
            )
            self.writer = self.begun(self.schema)
        arrays = [_array(table.columns[field.name], field.type) for field in self.schema]
        self.held.append(pyarrow.table(arrays, schema=self.schema))
        self._write_groups(ROW_GROUP)

    def finish(self) -> None:
        """See TableWriter."""
        self._write_groups(1)
        if self.writer is not None:
            self.writer.close()

    def abandon(self) -> None:
        """See TableWriter."""
        if self.writer is not None:  # else it would write its end when it is collected
            with suppress(OSError, ValueError):
                self.writer.close()

    def _write_groups(self, least: int) -> None:
        import pyarrow

        while self.writer is not None and sum(map(len, self.held)) >= least:
            rows = pyarrow.concat_tables(self.held)
            self.writer.write_table(rows.slice(0, ROW_GROUP).combine_chunks())
            self.held = [rows.slice(ROW_GROUP)]


class ParquetWriter(ArrowWriter):
    """A Parquet file: texts compressed, vectors as they are, since they hardly become smaller."""

    def begun(self, schema: pyarrow.Schema) -> BatchWriter:
        """See ArrowWriter."""
        import pyarrow.parquet

        vectors = [field.name for field in schema if _holds_vectors(field.type)]
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
    """An Arrow IPC file, which can be mapped."""

    def begun(self, schema: pyarrow.Schema) -> BatchWriter:
        """See ArrowWriter."""
        import pyarrow.ipc

        writer: BatchWriter = pyarrow.ipc.new_file(self.file, schema)
        return writer


def _type_of(column: Column, told: CellType | None) -> pyarrow.DataType:
    import pyarrow

    if isinstance(column, np.ndarray):
        numbers = pyarrow.from_numpy_dtype(column.dtype)
        return pyarrow.list_(numbers, column.shape[1]) if column.ndim == 2 else numbers
    if told is not None:
        return arrow_type(told)
    kind = pyarrow.array(column).type
    return pyarrow.string() if pyarrow.types.is_null(kind) else kind


def _array(column: Column, kind: pyarrow.DataType) -> pyarrow.Array:
    import pyarrow

    if isinstance(column, np.ndarray) and column.ndim == 2:
        numbers = pyarrow.array(np.ascontiguousarray(column).reshape(-1))
        return pyarrow.FixedSizeListArray.from_arrays(numbers, type=kind)
    if isinstance(column, pyarrow.Array):
        return column if column.type == kind else column.cast(kind)
    return pyarrow.array(column, kind)


def _holds_vectors(kind: pyarrow.DataType) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_fixed_size_list(kind))
