"""What reading gives: texts in batches, the columns kept beside them, and the rows that are bad.

Rows are numbered from 0 through all places together, bad ones too: so a row's number does not
depend on which others can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeAlias

from albertkit.tables.table import Column, concat_columns

Kept: TypeAlias = Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A row that has no text, or several that are lost together.

    place: file. row: counted from 1 in its file. why: what is wrong with it, for "row 3 …".
    number: its number through all places, from 0. rows: how many it stands for, for a file's
    part that cannot be read.
    """

    file: str
    row: int
    code: str
    why: str
    number: int = 0
    rows: int = 1

    def split(self, count: int) -> tuple[tuple[InvalidRow, ...], tuple[InvalidRow, ...]]:
        """Those before the row `number + count`, and those from there on."""
        if count <= 0:
            return (), (self,)
        if count >= self.rows:
            return (self,), ()
        return (replace(self, rows=count),), (
            replace(self, row=self.row + count, number=self.number + count, rows=self.rows - count),
        )


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Consecutive rows: `texts` and `kept` of the good ones in their order, and the bad ones.

    kept: name → a cell for each text. first: the number of the first row, good or bad.
    """

    texts: Sequence[str]
    kept: Kept
    first: int
    invalid: tuple[InvalidRow, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows these are, bad ones too."""
        return len(self.texts) + sum(invalid.rows for invalid in self.invalid)

    @property
    def end(self) -> int:
        """The number of the row behind the last."""
        return self.first + self.rows

    @property
    def numbers(self) -> Sequence[int]:
        """The number of each text's row."""
        if not self.invalid:
            return range(self.first, self.end)
        begins = (self.first, *(invalid.number + invalid.rows for invalid in self.invalid))
        ends = (*(invalid.number for invalid in self.invalid), self.end)
        return list(chain.from_iterable(map(range, begins, ends)))

    def moved(self, rows: int) -> RowBatch:
        """The same rows behind so many others."""
        invalid = tuple(replace(each, number=each.number + rows) for each in self.invalid)
        return replace(self, first=self.first + rows, invalid=invalid)

    def split(self, rows: int) -> tuple[RowBatch, RowBatch]:
        """The first `rows` rows, and the rest."""
        before: list[InvalidRow] = []
        behind: list[InvalidRow] = []
        for invalid in self.invalid:
            ours, others = invalid.split(self.first + rows - invalid.number)
            before += ours
            behind += others
        rows = min(rows, self.rows)
        texts = rows - sum(invalid.rows for invalid in before)
        return (
            RowBatch(
                self.texts[:texts],
                {name: column[:texts] for name, column in self.kept.items()},
                self.first,
                tuple(before),
            ),
            RowBatch(
                self.texts[texts:],
                {name: column[texts:] for name, column in self.kept.items()},
                self.first + rows,
                tuple(behind),
            ),
        )


def concat_batches(batches: Sequence[RowBatch]) -> RowBatch:
    """One batch of several that follow one another and keep the same columns."""
    if len(batches) == 1:
        return batches[0]
    return RowBatch(
        [text for batch in batches for text in batch.texts],
        {name: concat_columns([batch.kept[name] for batch in batches]) for name in batches[0].kept},
        batches[0].first,
        tuple(invalid for batch in batches for invalid in batch.invalid),
    )


def number_batches(parts: Iterable[Iterable[RowBatch]]) -> Iterator[RowBatch]:
    """The rows of several readings, numbered through all of them."""
    end = 0
    for part in parts:
        begin = end
        for batch in part:
            moved = batch.moved(begin)
            end = moved.end
            yield moved


def take_until(batches: Iterable[RowBatch], end: int) -> Iterator[RowBatch]:
    """The batches before the row `end`, over which none reaches; none behind is asked for."""
    for batch in batches:
        yield batch
        if batch.end >= end:
            return
