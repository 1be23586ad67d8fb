"""Make one shard of a job: read its rows, compute, and write it, complete or not at all.

A shard's bytes depend only on its rows and the job: its windows begin at its first row, and the
engine is fixed from the start. So any process can make it at any time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from albertkit.tables import Inputs, RowBatch
from albertkit.tables.table import take_until
from albertkit.tables.writers.shards import Shards
from albertkit.tasks.encode import ProgressLine
from albertkit.tasks.inputs import RowWindows
from albertkit.tasks.job import OpenTask, TableJob
from albertkit.tasks.reports import EncodeReport


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard of a job.

    Args:
        job: The job.
        shards: The output directory.
        number: The shard's number; its rows begin at number · shard_rows.
    """

    job: TableJob
    shards: Shards
    number: int


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What was done for a shard.

    Args:
        number: The shard's number.
        rows: Rows with a result.
        invalid: Rows without a text.
        seconds: The time it took.
        report: Counts of truncated and blank texts.
    """

    number: int
    rows: int
    invalid: int
    seconds: float
    report: EncodeReport


def make_shard(opened: OpenTask, task: ShardTask, inputs: Inputs | None = None) -> ShardReport:
    """Read a shard's rows and write it; nothing is written if there are no rows.

    Args:
        opened: From `task.job.open()`; a process opens it once for all its shards.
        task: The shard.
        inputs: From `task.job.inputs()`, also once a process.

    Raises:
        AlbertKitError: As `read_batches` and the job's task.
        ResourceError: [write-failed].
    """
    job = task.job
    begin = task.number * job.shard_rows
    batches = job.read_rows(
        job.inputs() if inputs is None else inputs, start=begin, boundary=job.shard_rows
    )
    return write_shard(opened, task, take_until(batches, begin + job.shard_rows))


def write_shard(
    opened: OpenTask,
    task: ShardTask,
    batches: Iterable[RowBatch],
    line: ProgressLine | None = None,
) -> ShardReport:
    """Compute the results of rows that were read and write them; errors as `make_shard`.

    Args:
        opened: As for `make_shard`.
        task: The shard.
        batches: Its rows.
        line: Shows how many rows are done.
    """
    start = time.monotonic()
    job = task.job
    call = job.start(opened, line)
    batches = iter(batches)
    first = next(batches, None)
    rows = invalid = 0
    if first is not None:
        with task.shards.writing(task.number) as shard:
            windows = RowWindows(
                chain((first,), batches),
                shard.invalid.add,
                with_texts=job.with_texts,
                characters=job.characters,
            )
            for table in call.tables(windows):
                shard.write(table)
                rows += len(table)
            if not rows:
                shard.write(call.empty_table(windows, first))
            invalid = shard.invalid.rows
    seconds = time.monotonic() - start
    return ShardReport(task.number, rows, invalid, seconds, call.report)
