"""One shard of a job: its rows read, encoded, and written whole or not at all.

A shard's bytes depend on its rows and the job alone: its windows begin with its first row, and the
engine is named from the start. So it does not matter which process makes it, or when.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from albertkit.tables import Inputs, RowBatch, Table, read_batches
from albertkit.tables.batch import take_until
from albertkit.tables.writers.shards import Shards
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.encode import EncodeCall
from albertkit.tasks.inputs import RowWindows
from albertkit.tasks.jobs.embed_job import EmbedJob
from albertkit.tasks.progress import ProgressLine
from albertkit.tasks.reports import EncodeReport
from albertkit.tasks.vector_file import VECTOR
from albertkit.tasks.vector_types import VectorCast


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard of a job; number: from 0, its rows are those from number · shard_rows on."""

    job: EmbedJob
    shards: Shards
    number: int


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What became of a shard: rows with a vector, rows without, and what to tell of its texts."""

    number: int
    rows: int
    invalid: int
    seconds: float
    report: EncodeReport


def embed_shard(
    embedder: TextEmbedder, task: ShardTask, inputs: Inputs | None = None
) -> ShardReport:
    """Read a shard's rows and write it, whole or not at all; nothing where there are no rows.

    embedder: as `task.job.embedder()` made it; inputs: the job's, looked at once: a process keeps
    both for all its shards.
    Raises as `read_batches` and `TextEmbedder.encode` do, ResourceError [write-failed].
    """
    job = task.job
    begin = task.number * job.shard_rows
    batches = read_batches(
        job.inputs() if inputs is None else inputs,
        column=job.column,
        keep=job.keep,
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
    """Write a shard, whole or not at all, of its rows, which are read already."""
    began = time.monotonic()
    call = task.job.call(embedder, line)
    batches = iter(batches)
    first = next(batches, None)
    rows = invalid = 0
    if first is not None:
        with task.shards.writing(task.number) as shard:
            windows = RowWindows(chain((first,), batches), shard.invalid.add)
            for table in answered(
                call, windows, VectorCast(task.job.encode.precision, task.job.ranges)
            ):
                shard.write(table)
                rows += len(table)
            if not rows:
                nothing = {name: column[:0] for name, column in first.kept.items()} or {"text": []}
                shard.write(Table({**nothing, VECTOR: call.no_vectors()}))
            invalid = shard.invalid.rows
    seconds = time.monotonic() - began
    return ShardReport(task.number, rows, invalid, seconds, call.report)


def answered(call: EncodeCall, windows: RowWindows, cast: VectorCast) -> Iterator[Table]:
    """Window by window what travels along, and the vectors."""
    for vectors in call.answers(windows.texts()):
        yield Table({**windows.columns(), VECTOR: cast.of(vectors)})
