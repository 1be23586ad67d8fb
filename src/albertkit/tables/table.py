"""A table, and the batches of rows that reading gives.

A table has named columns of one length; one may hold a vector in each row. A batch has texts, kept
columns and the invalid rows. Rows are numbered from 0 through all files, invalid ones too: so a
row's number does not depend on which others can be read.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int64Array

if TYPE_CHECKING:
    import pyarrow

VectorArray: TypeAlias = npt.NDArray[np.floating | np.integer]
Cell: TypeAlias = str | int | float | None
Nested: TypeAlias = "Sequence[Cell | Nested] | Mapping[str, Cell | Nested]"  # of results
Column: TypeAlias = "Sequence[Cell | Nested] | VectorArray | pyarrow.Array"

DIGITS = {np.dtype(np.float16): range(3, 6), np.dtype(np.float32): range(6, 10)}
# Powers of ten up to the 22nd are integers in float64, so dividing by them rounds only once.
SMALLEST = 1e-13
TIME = re.compile(r"(?<=\d) (?=\d)")  # between a day and an hour, as pyarrow writes them


@dataclass(frozen=True, slots=True)
class Table:
    """A table of results.

    Args:
        columns: Name → a list of cells, pyarrow's array of them, or an array [N, D] of vectors.
    """

    columns: Mapping[str, Column]

    def __len__(self) -> int:
        """The number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def records(self) -> Iterator[dict[str, Cell | list[Cell]]]:
        """Yield each row as a dict of JSON values.

        A vector is a list of the shortest decimal numbers that read back as the same; NaN and
        infinity, which JSON does not have, are None.
        """
        columns = [convert_to_json_cells(column) for column in self.columns.values()]
        for cells in zip(*columns, strict=True):
            yield dict(zip(self.columns, cells, strict=True))

    def flat_names(self) -> list[str]:
        """The column names, with one for each number of a vector: vector_0, vector_1, …."""
        names: list[str] = []
        for name, column in self.columns.items():
            if _holds_vectors(column):
                names += [f"{name}_{number}" for number in range(column.shape[1])]
            else:
                names.append(name)
        return names

    def flat_rows(self) -> Iterator[list[Cell]]:
        """Yield each row's cells in the order of `flat_names`; nested values are JSON."""
        are_vectors = [_holds_vectors(column) for column in self.columns.values()]
        for record in self.records():
            row: list[Cell] = []
            for value, is_vector in zip(record.values(), are_vectors, strict=True):
                if isinstance(value, list | dict):
                    row += value if is_vector else [json.dumps(value, ensure_ascii=False)]
                else:
                    row.append(value)
            yield row

    def vectors(self) -> tuple[str, VectorArray] | None:
        """The name of the column of vectors, and the vectors; None if there is no such column."""
        columns = (
            (name, column) for name, column in self.columns.items() if _holds_vectors(column)
        )
        return next(columns, None)


def _holds_vectors(column: Column) -> TypeGuard[VectorArray]:
    return isinstance(column, np.ndarray) and column.ndim == 2


def convert_to_json_cells(column: Column) -> Iterable[Cell | list[Cell]]:
    """The cells as values of JSON; what has no form in JSON is a string, NaN and infinity None."""
    if isinstance(column, np.ndarray):
        rounded = round_to_shortest(column)
        cells: list[Cell | list[Cell]] = rounded.tolist()
        if np.isfinite(rounded).all():
            return cells
        return [_convert_to_json(cell) for cell in cells]
    if isinstance(column, Sequence):
        return [_convert_to_json(cell) for cell in column]
    return [_convert_to_json(value) for value in list_arrow_cells(column)]


def list_arrow_cells(column: pyarrow.Array) -> list[Any]:
    """The cells as values of Python; times that it cannot hold, such as nanoseconds, as texts."""
    try:
        cells: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):
        return [text and TIME.sub("T", text) for text in column.cast("string").to_pylist()]
    return cells


def _convert_to_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _convert_to_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_convert_to_json(inner) for inner in value]
    if isinstance(value, np.generic | np.ndarray):
        return _convert_to_json(value.tolist())
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if value is None or isinstance(value, str | int | float):
        return _drop_infinity(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _drop_infinity(cell: Cell) -> Cell:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def concat_columns(columns: Sequence[Column]) -> Column:
    """Concatenate columns that follow one another."""
    if all(isinstance(column, list) for column in columns):
        return [cell for column in columns for cell in column]
    if any(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate([np.asarray(column) for column in columns])
    import pyarrow

    arrow_type = next(column.type for column in columns if isinstance(column, pyarrow.Array))
    return pyarrow.concat_arrays(
        [
            column if isinstance(column, pyarrow.Array) else pyarrow.array(column, arrow_type)
            for column in columns
        ]
    )


def take_cells(column: Column, rows: Int64Array) -> Column:
    """The cells of these rows [M], in their order; a row may repeat."""
    if isinstance(column, np.ndarray):
        return column[rows]
    if isinstance(column, Sequence):
        return [column[row] for row in rows.tolist()]
    return column.take(rows)


@np.errstate(invalid="ignore")  # NaN stays NaN
def round_to_shortest(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Convert to float64 numbers that Python prints with the fewest digits: 0.1, not 0.1000000015.

    The numbers read back as the same float16 or float32. This works on whole arrays: numpy's own
    way, each number to text and back, takes longer than a small model needs for a vector.

    Args:
        numbers: Of any shape; other types than float16 and float32 are returned unchanged.
    """
    if numbers.dtype not in DIGITS:
        return numbers
    exact = numbers.astype(np.float64)
    size = np.abs(exact)
    smallest = max(SMALLEST, np.finfo(numbers.dtype).tiny)
    usual = (size >= smallest) & (size < 10.0 ** DIGITS[numbers.dtype].start)
    # the neighbours of a power of two are at different distances, so the nearest may be another
    usual &= np.frexp(size)[0] != 0.5
    exponents = np.floor(np.log10(np.where(usual, size, 1))).astype(np.int64)
    result = exact.copy()
    left = usual.copy()
    for digits in DIGITS[numbers.dtype]:
        powers = 10.0 ** (digits - 1 - exponents)
        rounded = np.round(exact * powers) / powers
        fits = left & (rounded.astype(numbers.dtype) == numbers)
        result[fits] = rounded[fits]
        left &= ~fits
    unusual = left | (~usual & (size != 0) & np.isfinite(size))
    result[unusual] = [float(str(number)) for number in numbers[unusual]]
    return result


KeptColumns: TypeAlias = Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A row without a text, or several that are lost together.

    Args:
        file: The name of its file.
        row: Its number in the file, from 1.
        code: A code of errors/codes.py.
        why: What is wrong, for a message that begins "row 3 …".
        number: Its number through all files, from 0.
        rows: How many rows it stands for, if a part of a file cannot be read.
    """

    file: str
    row: int
    code: str
    why: str
    number: int = 0
    rows: int = 1

    def split(self, count: int) -> tuple[tuple[InvalidRow, ...], tuple[InvalidRow, ...]]:
        """Split into the first `count` rows and the rest."""
        if count <= 0:
            return (), (self,)
        if count >= self.rows:
            return (self,), ()
        return (replace(self, rows=count),), (
            replace(self, row=self.row + count, number=self.number + count, rows=self.rows - count),
        )


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Consecutive rows.

    Args:
        texts: The texts of the valid rows, in order.
        kept: Column name → one cell for each text.
        first: The number of the first row, valid or invalid.
        invalid: The invalid rows, in order.
    """

    texts: Sequence[str]
    kept: KeptColumns
    first: int
    invalid: tuple[InvalidRow, ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows, valid and invalid."""
        return len(self.texts) + sum(row.rows for row in self.invalid)

    @property
    def end(self) -> int:
        """The number of the row after the last."""
        return self.first + self.rows

    @property
    def numbers(self) -> Sequence[int]:
        """The number of each text's row."""
        if not self.invalid:
            return range(self.first, self.end)
        begins = (self.first, *(row.number + row.rows for row in self.invalid))
        ends = (*(row.number for row in self.invalid), self.end)
        return list(chain.from_iterable(map(range, begins, ends)))

    def shift(self, rows: int) -> RowBatch:
        """The same rows after `rows` others, which have lower numbers."""
        invalid = tuple(replace(row, number=row.number + rows) for row in self.invalid)
        return replace(self, first=self.first + rows, invalid=invalid)

    def split(self, rows: int) -> tuple[RowBatch, RowBatch]:
        """Split into the first `rows` rows and the rest."""
        head: list[InvalidRow] = []
        tail: list[InvalidRow] = []
        for row in self.invalid:
            first, rest = row.split(self.first + rows - row.number)
            head += first
            tail += rest
        rows = min(rows, self.rows)
        texts = rows - sum(row.rows for row in head)
        return (
            RowBatch(
                self.texts[:texts],
                {name: column[:texts] for name, column in self.kept.items()},
                self.first,
                tuple(head),
            ),
            RowBatch(
                self.texts[texts:],
                {name: column[texts:] for name, column in self.kept.items()},
                self.first + rows,
                tuple(tail),
            ),
        )


def concat_batches(batches: Sequence[RowBatch]) -> RowBatch:
    """Concatenate batches that follow one another and keep the same columns."""
    if len(batches) == 1:
        return batches[0]
    return RowBatch(
        [text for batch in batches for text in batch.texts],
        {name: concat_columns([batch.kept[name] for batch in batches]) for name in batches[0].kept},
        batches[0].first,
        tuple(row for batch in batches for row in batch.invalid),
    )


def number_batches(parts: Iterable[Iterable[RowBatch]]) -> Iterator[RowBatch]:
    """Yield the batches of several readings, their rows numbered through all of them."""
    end = 0
    for part in parts:
        begin = end
        for batch in part:
            shifted = batch.shift(begin)
            end = shifted.end
            yield shifted


def take_until(batches: Iterable[RowBatch], end: int) -> Iterator[RowBatch]:
    """Yield the batches before row `end`, which no batch spans, and ask for none after it."""
    for batch in batches:
        yield batch
        if batch.end >= end:
            return
