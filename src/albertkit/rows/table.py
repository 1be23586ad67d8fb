"""A table: named columns of one length, one of which may hold a vector in each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
Cell: TypeAlias = str | int | float | None
Column: TypeAlias = Sequence[Cell] | FloatArray


@dataclass(frozen=True, slots=True)
class Table:
    """columns: name → a list of cells, or an array [N, D] of one vector a row."""

    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def records(self) -> Iterator[dict[str, Cell | list[float]]]:
        """Each row as a dict, vectors as lists of numbers with no more digits than they have."""
        for number in range(len(self)):
            yield {
                name: shortest(column[number]) if isinstance(column, np.ndarray) else column[number]
                for name, column in self.columns.items()
            }

    def flat_names(self) -> list[str]:
        """The names of the columns where each number of a vector has one of its own."""
        names: list[str] = []
        for name, column in self.columns.items():
            if isinstance(column, np.ndarray):
                names += [f"{name}_{number}" for number in range(column.shape[1])]
            else:
                names.append(name)
        return names

    def flat_rows(self) -> Iterator[list[Cell]]:
        """Each row's cells, in the order of `flat_names`."""
        for record in self.records():
            row: list[Cell] = []
            for value in record.values():
                row += value if isinstance(value, list) else [value]
            yield row

    def vectors(self) -> tuple[str, FloatArray] | None:
        """The column of vectors and its name, where there is one."""
        found = (
            (name, column)
            for name, column in self.columns.items()
            if isinstance(column, np.ndarray)
        )
        return next(found, None)


def shortest(vector: FloatArray) -> list[float]:
    """The numbers with as few digits as tell float32 values apart: 0.1, not 0.10000000149."""
    return [float(digits) for digits in vector.astype(str)]
