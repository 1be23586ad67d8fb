"""The result of reading: batches of texts with their kept columns, and the invalid rows.

Rows are numbered from 0 through all files, invalid ones too: so a row's number does not depend on
which others can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeAlias

from albertkit.tables.table import Column, concat_columns

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
        """The same rows after so many others."""
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
