"""Make one shard of a job: read its rows, embed them, and write it, complete or not at all.

A shard's bytes depend only on its rows and the job: its windows begin at its first row, and the
engine is fixed from the start. So any process can make it at any time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from albertkit.tables import Inputs, RowBatch, read_batches
from albertkit.tables.table import take_until
from albertkit.tables.writers.shards import Shards
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.embed_job import EmbedJob
from albertkit.tasks.encode import ProgressLine
from albertkit.tasks.inputs import RowWindows
from albertkit.tasks.reports import EncodeReport
from albertkit.tasks.vector_types import VectorCast


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard of a job.

    Args:
        job: The job.
        shards: The output directory.
        number: The shard's number; its rows begin at number · shard_rows.
    """

    job: EmbedJob
    shards: Shards
    number: int


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What was done for a shard.

    Args:
        number: The shard's number.
        rows: Rows with a vector.
        invalid: Rows without a text.
        seconds: The time it took.
        report: Counts of truncated and blank texts.
    """

    number: int
    rows: int
    invalid: int
    seconds: float
    report: EncodeReport


def embed_shard(
    embedder: TextEmbedder, task: ShardTask, inputs: Inputs | None = None
) -> ShardReport:
    """Read a shard's rows and write it; nothing is written if there are no rows.

    Args:
        embedder: From `task.job.embedder()`; a process opens it once for all its shards.
        task: The shard.
        inputs: From `task.job.inputs()`, also once a process.

    Raises:
        AlbertKitError: As `read_batches` and `TextEmbedder.encode`.
        ResourceError: [write-failed].
    """
    job = task.job
    begin = task.number * job.shard_rows
    batches = read_batches(
        job.inputs() if inputs is None else inputs,
        column=job.column,
        keep=job.kept_columns,
        skip_invalid=job.skip_invalid,
        start=begin,
        boundary=job.shard_rows,
    )
    return write_shard(embedder, task, take_until(batches, begin + job.shard_rows))


def write_shard(
    embedder: TextEmbedder,
    task: ShardTask,
    batches: Iterable[RowBatch],
    line: ProgressLine | None = None,
) -> ShardReport:
    """Embed rows that were read and write them as a shard; errors as `embed_shard`.

    Args:
        embedder: As for `embed_shard`.
        task: The shard.
        batches: Its rows.
        line: Shows how many texts are done.
    """
    start = time.monotonic()
    call = task.job.call(embedder, line)
    batches = iter(batches)
    first = next(batches, None)
    rows = invalid = 0
    if first is not None:
        with task.shards.writing(task.number) as shard:
            windows = RowWindows(
                chain((first,), batches), shard.invalid.add, with_texts=not task.job.keep
            )
            cast = VectorCast(task.job.encode.precision, task.job.ranges)
            for answer in call.answers(windows.texts()):
                table = windows.table(answer, cast)
                shard.write(table)
                rows += len(table)
            if not rows:
                shard.write(windows.empty_table(first, call.no_vectors()))
            invalid = shard.invalid.rows
    seconds = time.monotonic() - start
    return ShardReport(task.number, rows, invalid, seconds, call.report)
