"""The rows of a job in shards; the first window's texts can be looked at before any are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, count

from albertkit.tables import Inputs, InvalidRow, RowBatch, RowEstimate, read_batches
from albertkit.tables.batch import take_until
from albertkit.tables.readers.inputs import check_lines_without_column
from albertkit.tasks.inputs import RowWindows, Texts
from albertkit.tasks.jobs.embed_job import EmbedJob


class JobRows:
    """Reads each row once, so that standard input can be a job's input too."""

    def __init__(self, job: EmbedJob, inputs: Inputs) -> None:
        self.job = job
        self.inputs = inputs
        self.estimate = RowEstimate(inputs)
        self._from_the_first: Iterator[RowBatch] | None = None  # row, once it was looked at

    def first_window(self) -> Texts | None:
        """The texts of the first window; None where there are none."""
        batches = self._from_the_first
        if batches is None:
            batches = self._read(0)
        seen: list[RowBatch] = []
        window = next(RowWindows(_noted(batches, seen), _ignored).texts(), None)
        self._from_the_first = chain(seen, batches)
        return window

    def check(self) -> None:
        """Raise what is wrong with the files or columns, as `read_batches` does; reads no row."""
        check_lines_without_column(self.inputs.files, self.job.column)
        self._read(0)

    def by_shard(self, finished: frozenset[int]) -> Iterator[tuple[int, Iterator[RowBatch]]]:
        """The number and the rows of each shard that is not finished."""
        rows = self.job.shard_rows
        batches = self._from_the_first
        if batches is None:
            first = next(number for number in count() if number not in finished)
            batches = self._read(first * rows)
        for batch in batches:
            number = batch.first // rows
            own = take_until(chain((batch,), batches), (number + 1) * rows)
            if number not in finished:
                yield number, own
            for _ in own:  # of a shard that is there already
                pass

    def there(self, finished: frozenset[int]) -> int:
        """How many rows finished shards have, as far as can be told by now: the last may be short.

        Of a pipe, whose end is never foreseen, it is taken to be full.
        """
        if not finished:
            return 0
        rows, last = self.job.shard_rows, max(finished)
        known = self.inputs.rows
        end = self.estimate.rows() if known is None else known
        own = rows if end is None else min(rows, max(0, end - last * rows))
        return (len(finished) - 1) * rows + own

    def _read(self, start: int) -> Iterator[RowBatch]:
        return read_batches(
            self.inputs,
            column=self.job.column,
            keep=self.job.keep,
            skip_invalid=self.job.skip_invalid,
            start=start,
            boundary=self.job.shard_rows,
            estimate=self.estimate,
        )


def _ignored(invalid: Sequence[InvalidRow]) -> None:
    """They are read again, and are told of then."""


def _noted(batches: Iterator[RowBatch], seen: list[RowBatch]) -> Iterator[RowBatch]:
    for batch in batches:
        seen.append(batch)
        yield batch
