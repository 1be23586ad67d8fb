"""A table: named columns of one length, one of which may hold a vector in each row."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow


VectorArray: TypeAlias = npt.NDArray[np.floating | np.integer]
Cell: TypeAlias = str | int | float | None
Column: TypeAlias = "Sequence[Cell] | VectorArray | pyarrow.Array"


@dataclass(frozen=True, slots=True)
class Table:
    """columns: name → a list of cells, pyarrow's array of them, or an array [N, D] of vectors."""

    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def records(self) -> Iterator[dict[str, Cell | list[float]]]:
        """Each row as a dict, vectors as lists of numbers with no more digits than they have."""
        columns = [cells_of(column) for column in self.columns.values()]
        for cells in zip(*columns, strict=True):
            yield dict(zip(self.columns, cells, strict=True))

    def flat_names(self) -> list[str]:
        """The names of the columns where each number of a vector has one of its own."""
        names: list[str] = []
        for name, column in self.columns.items():
            if _holds_vectors(column):
                names += [f"{name}_{number}" for number in range(column.shape[1])]
            else:
                names.append(name)
        return names

    def flat_rows(self) -> Iterator[list[Cell]]:
        """Each row's cells, in the order of `flat_names`; what is nested is written as JSON."""
        flat = [_holds_vectors(column) for column in self.columns.values()]
        for record in self.records():
            row: list[Cell] = []
            for value, is_flat in zip(record.values(), flat, strict=True):
                if isinstance(value, list | dict):
                    row += value if is_flat else [json.dumps(value, ensure_ascii=False)]
                else:
                    row.append(value)
            yield row

    def vectors(self) -> tuple[str, VectorArray] | None:
        """The column of vectors and its name, where there is one."""
        found = ((name, column) for name, column in self.columns.items() if _holds_vectors(column))
        return next(found, None)


def _holds_vectors(column: Column) -> TypeGuard[VectorArray]:
    return isinstance(column, np.ndarray) and column.ndim == 2


def cells_of(column: Column) -> Iterable[Cell | list[float]]:
    """The cells as JSON has them; those that it has no form for as text."""
    if isinstance(column, np.ndarray):
        numbers: list[Cell | list[float]] = round_to_shortest(column).tolist()
        return numbers
    if isinstance(column, Sequence):
        return column
    return [_as_json(value) for value in column.to_pylist()]


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if value is None or isinstance(value, str | int | float):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def concat_columns(columns: Sequence[Column]) -> Column:
    """One column of several that follow one another."""
    if all(isinstance(column, list) for column in columns):
        return [cell for column in columns for cell in column]
    if any(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate([np.asarray(column) for column in columns])
    import pyarrow

    kind = next(column.type for column in columns if isinstance(column, pyarrow.Array))
    return pyarrow.concat_arrays(
        [
            column if isinstance(column, pyarrow.Array) else pyarrow.array(column, kind)
            for column in columns
        ]
    )


Numbers: TypeAlias = npt.NDArray[Any]

DIGITS = {np.dtype(np.float16): range(3, 6), np.dtype(np.float32): range(6, 10)}
# Powers of ten up to the 22nd are whole in float64, so that to divide by them rounds but once.
SMALLEST = 1e-13


@np.errstate(invalid="ignore")  # NaN stays NaN
def round_to_shortest(numbers: Numbers) -> Numbers:
    """The numbers as float64, of which Python prints the fewest digits.

    numbers: of any shape; what is not float16 or float32 is given back as it is.
    """
    if numbers.dtype not in DIGITS:
        return numbers
    exact = numbers.astype(np.float64)
    size = np.abs(exact)
    smallest = max(SMALLEST, np.finfo(numbers.dtype).tiny)
    usual = (size >= smallest) & (size < 10.0 ** DIGITS[numbers.dtype].start)
    # the numbers before and behind a power of two are not as far, so the nearest may not be it
    usual &= np.frexp(size)[0] != 0.5
    exponents = np.floor(np.log10(np.where(usual, size, 1))).astype(np.int64)
    found = exact.copy()
    left = usual.copy()
    for digits in DIGITS[numbers.dtype]:
        powers = 10.0 ** (digits - 1 - exponents)
        rounded = np.round(exact * powers) / powers
        fits = left & (rounded.astype(numbers.dtype) == numbers)
        found[fits] = rounded[fits]
        left &= ~fits
    unusual = left | (~usual & (size != 0) & np.isfinite(size))
    found[unusual] = [float(str(number)) for number in numbers[unusual]]
    return found
