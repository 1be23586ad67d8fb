"""The rows of a job, shard by shard; the texts of the first window can be read in advance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, count

from albertkit.tables import Inputs, InvalidRow, RowBatch, RowEstimate
from albertkit.tables.readers.inputs import check_lines_without_column
from albertkit.tables.table import take_until
from albertkit.tasks.inputs import RowWindows, Texts
from albertkit.tasks.job import TableJob


class JobRows:
    """Reads each row once, so that standard input can be a job's input."""

    def __init__(self, job: TableJob, inputs: Inputs) -> None:
        """Read no row yet.

        Args:
            job: The job.
            inputs: Its inputs, from `job.inputs()`.
        """
        self.job = job
        self.inputs = inputs
        self.estimate = RowEstimate(inputs)
        self._batches: Iterator[RowBatch] | None = None  # from the first row, once it was read

    def first_window(self) -> Texts | None:
        """The texts of the first window; None if there are none."""
        batches = self._read(0) if self._batches is None else self._batches
        recorded: list[RowBatch] = []
        window = next(
            RowWindows(_record(batches, recorded), _ignore, characters=self.job.characters).texts(),
            None,
        )
        self._batches = chain(recorded, batches)
        return window

    def check(self) -> None:
        """Check files and columns, as `read_batches` does; reads no row."""
        check_lines_without_column(self.inputs.files, self.job.column)
        self._read(0)

    def shards_to_make(self, finished: frozenset[int]) -> Iterator[tuple[int, Iterator[RowBatch]]]:
        """Yield the number and the rows of each shard that is not finished."""
        rows = self.job.shard_rows
        batches = self._batches
        if batches is None:
            first = next(number for number in count() if number not in finished)
            batches = self._read(first * rows)
        for batch in batches:
            number = batch.first // rows
            shard = take_until(chain((batch,), batches), (number + 1) * rows)
            if number not in finished:
                yield number, shard
            for _ in shard:  # skip the rows of a finished shard
                pass

    def count_finished_rows(self, finished: frozenset[int]) -> int:
        """Estimate the rows of finished shards.

        The last may be short: it does not count before the end of the input can be estimated.
        """
        if not finished:
            return 0
        rows, last = self.job.shard_rows, max(finished)
        known = self.inputs.rows
        end = self.estimate.rows() if known is None else known
        last_rows = 0 if end is None else min(rows, max(0, end - last * rows))
        return (len(finished) - 1) * rows + last_rows

    def _read(self, start: int) -> Iterator[RowBatch]:
        return self.job.read_rows(
            self.inputs, start=start, boundary=self.job.shard_rows, estimate=self.estimate
        )


def _ignore(invalid: Sequence[InvalidRow]) -> None:
    """The rows of the first window are read again, and listed then."""


def _record(batches: Iterator[RowBatch], recorded: list[RowBatch]) -> Iterator[RowBatch]:
    for batch in batches:
        recorded.append(batch)
        yield batch
