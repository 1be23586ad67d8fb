"""Start or resume a job, and make its shards in this process, reading each row once.

Input: a job and a directory. Output: the directory's shards, and a report. The next run
resumes one that stopped at any moment: it keeps finished shards, and writes what an uninterrupted
run would have written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from albertkit.engine.cpu_engine import choose_cpu_engine
from albertkit.errors import InputError
from albertkit.runtime import EngineName
from albertkit.runtime.choose_engine import choose_placement, choose_precision
from albertkit.tables import Inputs, ShardedSink
from albertkit.tables.filesystems.remote_path import make_path
from albertkit.tables.writers.files import check_output_not_input
from albertkit.tables.writers.shards import choose_shard_format
from albertkit.tasks.encode import ProgressLine
from albertkit.tasks.job import OpenTask, TableJob
from albertkit.tasks.jobs.job_rows import JobRows
from albertkit.tasks.jobs.shard import ShardReport, ShardTask, write_shard
from albertkit.tasks.reports import EncodeReport


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job whose directory this process has locked.

    Args:
        job: With everything fixed that must be the same in all processes.
        opened: The open model.
        rows: The input rows.
        sink: The output directory.
        finished: The shards that an earlier run finished.
    """

    job: TableJob
    opened: OpenTask
    rows: JobRows
    sink: ShardedSink
    finished: frozenset[int]

    def task(self, number: int) -> ShardTask:
        """What any process must know to make a shard."""
        return ShardTask(self.job, self.sink.shards, number)


@dataclass(slots=True)
class JobReport:
    """What a run of a job has done.

    Args:
        report: Counts of truncated and blank texts.
        shards: Shards that this run finished.
        rows: Their rows with a result.
        invalid: Their rows without a text.
    """

    report: EncodeReport
    shards: int = 0
    rows: int = 0
    invalid: int = 0

    def add(self, shard: ShardReport) -> None:
        """Add the counts of one shard."""
        self.shards += 1
        self.rows += shard.rows
        self.invalid += shard.invalid
        self.report.add(shard.report)

    def log_warnings(self) -> None:
        """Log warnings about blank and truncated texts, once for all shards."""
        self.report.log()


@contextmanager
def start_job(
    job: TableJob,
    directory: Path | str,
    *,
    shard_format: str | None = None,
    resume: bool = False,
    inputs: Inputs | None = None,
) -> Iterator[OpenJob]:
    """Start a job in a new directory, or resume it in its own.

    Args:
        job: The job. Ranges of 8-bit vectors come from its first window.
        directory: A path, or a URI.
        shard_format: One of SHARD_FORMATS; None: as `choose_shard_format`.
        resume: As for ShardedSink.
        inputs: From `job.inputs()`, if they were inspected before.

    Raises:
        AlbertKitError: As `find_inputs`, the job's task and ShardedSink.
    """
    inputs = job.inputs() if inputs is None else inputs
    shard_format = shard_format or choose_shard_format()
    check_output_not_input(make_path(directory) / f"part.{shard_format}", job.locations)
    rows = JobRows(job, inputs)
    rows.check()
    load = job.load
    placement = choose_placement(load.engine, load.device, deterministic=load.deterministic)
    # numpy, which "auto" takes for short lists, gives other last digits than the other engines
    engine: EngineName = placement.engine
    if engine == "auto":
        precision = choose_precision(load.precision, engine, placement.processor)
        engine = choose_cpu_engine(precision.precision)
    load = replace(load, engine=engine, device=placement.device)
    opened = replace(job, load=load).open()
    job = replace(job, load=replace(load, precision=opened.model.engines.precision))
    with ShardedSink(
        directory,
        job=job.describe(opened, inputs),
        shard_format=shard_format,
        shard_rows=job.shard_rows,
        types=job.column_types(inputs),
        resume=resume,
    ) as sink:
        job = job.fix_first_rows(opened, rows, sink.shards.directory)
        yield OpenJob(job, opened, rows, sink, sink.complete_shards)


def run_job(open_job: OpenJob, *, shows_progress: bool = False) -> JobReport:
    """Make the shards that are not finished.

    Args:
        open_job: From `start_job`.
        shows_progress: Whether to draw a progress line on standard error.

    Raises:
        AlbertKitError: As `read_batches` and the job's task.
        InputError: [texts-missing].
        ResourceError: [write-failed].
    """
    job, opened, finished = open_job.job, open_job.opened, open_job.finished
    line = make_progress_line(open_job) if shows_progress else None
    done = JobReport(job.start(opened).report)
    try:
        for number, batches in open_job.rows.shards_to_make(finished):
            done.add(write_shard(opened, open_job.task(number), batches, line))
    finally:
        if line is not None:
            line.close()
        done.log_warnings()
    if not done.shards and not finished:
        raise no_rows_error(job)
    return done


def make_progress_line(open_job: OpenJob) -> ProgressLine:
    """Make a progress line with the rows in all, estimated or known, and those finished before."""
    rows = open_job.rows
    return ProgressLine(
        rows.inputs.rows,
        done=lambda: rows.count_finished_rows(open_job.finished),
        estimate=rows.estimate.rows,
    )


def no_rows_error(job: TableJob) -> InputError:
    """The error for inputs without a single row."""
    return InputError(
        "texts-missing",
        f"there is no text in {', '.join(job.locations)}",
        why="a job needs at least one",
        fix="Give files with texts",
    )
