"""A piece of one file, as the reader of its kind gives it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from albertkit.tables.row_errors import Fault
from albertkit.tables.table import Cell, Column


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive rows: texts and columns of the good ones, and by its place each fault."""

    texts: Sequence[str]
    kept: Mapping[str, Column]
    faults: tuple[tuple[int, Fault], ...] = ()

    @property
    def rows(self) -> int:
        """How many rows these are, faults too."""
        return len(self.texts) + sum(fault.rows for _, fault in self.faults)


def piece_of(rows: Iterable[tuple[Cell, ...] | Fault], keep: Sequence[str]) -> Piece:
    """A piece of rows that are a text and the cells to keep, or a fault."""
    good: list[tuple[Cell, ...]] = []
    faults: list[tuple[int, Fault]] = []
    for number, row in enumerate(rows):
        if isinstance(row, Fault):
            faults.append((number, row))
        else:
            good.append(row)
    kept = {name: [row[at] for row in good] for at, name in enumerate(keep, 1)}
    return Piece([str(row[0]) for row in good], kept, tuple(faults))
