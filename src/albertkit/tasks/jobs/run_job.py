"""Start or resume a job, and make its shards in this process, reading each row once.

Input: an EmbedJob and a directory. Output: the directory's shards, and a report. The next run
resumes one that stopped at any moment: it keeps finished shards, and writes what an uninterrupted
run would have written.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError, InputError
from albertkit.runtime import EngineName
from albertkit.runtime.calibration import check_fixed_calibration
from albertkit.runtime.choose_engine import choose_placement
from albertkit.tables import Inputs, ShardedSink
from albertkit.tables.filesystems.remote_path import AnyPath, make_path, new_file
from albertkit.tables.writers.files import check_output_not_input
from albertkit.tables.writers.job_directory import RANGES
from albertkit.tables.writers.shards import NPY_ERRORS, default_shard_format
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.embed_job import EmbedJob
from albertkit.tasks.encode import ProgressLine
from albertkit.tasks.jobs.embed_shard import ShardReport, ShardTask, write_shard
from albertkit.tasks.jobs.job_rows import JobRows
from albertkit.tasks.reports import EncodeReport
from albertkit.tasks.vector_types import IN_STEPS, PartVectors, ranges_of


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job whose directory this process has locked.

    Args:
        job: With everything fixed that must be the same in all processes.
        embedder: The open model.
        rows: The input rows.
        sink: The output directory.
        finished: The shards that an earlier run finished.
    """

    job: EmbedJob
    embedder: TextEmbedder
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
        rows: Their rows with a vector.
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
    job: EmbedJob,
    directory: Path | str,
    *,
    shard_format: str | None = None,
    resume: bool = False,
    inputs: Inputs | None = None,
) -> Iterator[OpenJob]:
    """Start a job in a new directory, or resume it in its own.

    Args:
        job: The job. The ranges of int8 and uint8 vectors, and the texts that an int8 model is
            calibrated with, come from its first window; the ranges are saved as RANGES, [2, D],
            as queries are quantized with the same.
        directory: A path, or a URI.
        shard_format: One of SHARD_FORMATS; None: as `default_shard_format`.
        resume: As for ShardedSink.
        inputs: From `job.inputs()`, if they were inspected before.

    Raises:
        AlbertKitError: As `find_inputs`, TextEmbedder and ShardedSink.
    """
    inputs = job.inputs() if inputs is None else inputs
    shard_format = shard_format or default_shard_format()
    check_output_not_input(make_path(directory) / f"part.{shard_format}", job.locations)
    rows = JobRows(job, inputs)
    rows.check()
    load = job.load
    placement = choose_placement(load.engine, load.device, deterministic=load.deterministic)
    # numpy, which "auto" takes for short lists, gives other last digits than OpenVINO
    engine: EngineName = "openvino" if placement.engine == "auto" else placement.engine
    load = replace(load, engine=engine, device=placement.device)
    if load.deterministic:
        check_fixed_calibration(load.calibration, load.precision)
    if load.precision == "int8" and load.calibration is None:
        first = rows.first_window()
        load = replace(load, calibration=() if first is None else tuple(first.first))
    embedder = replace(job, load=load).embedder()
    job = replace(job, load=replace(load, precision=embedder.model.engines.precision))
    with ShardedSink(
        directory,
        job=job.describe(embedder, inputs),
        shard_format=shard_format,
        shard_rows=job.shard_rows,
        types=inputs.types(job.kept_columns),
        resume=resume,
    ) as sink:
        if job.encode.precision in IN_STEPS:
            job = replace(job, ranges=_ranges(job, embedder, rows, sink.shards.directory / RANGES))
        yield OpenJob(job, embedder, rows, sink, sink.complete_shards)


def run_job(open_job: OpenJob, *, shows_progress: bool = False) -> JobReport:
    """Make the shards that are not finished.

    Args:
        open_job: From `start_job`.
        shows_progress: Whether to draw a progress line on standard error.

    Raises:
        AlbertKitError: As `read_batches` and `TextEmbedder.encode`.
        InputError: [texts-missing].
        ResourceError: [write-failed].
    """
    job, embedder, finished = open_job.job, open_job.embedder, open_job.finished
    line = progress_line(open_job) if shows_progress else None
    done = JobReport(EncodeReport(embedder.max_seq_length, embedder.truncation))
    try:
        for number, batches in open_job.rows.shards_to_make(finished):
            done.add(write_shard(embedder, open_job.task(number), batches, line))
    finally:
        if line is not None:
            line.close()
        done.log_warnings()
    if not done.shards and not finished:
        raise no_rows_error(job)
    return done


def progress_line(open_job: OpenJob) -> ProgressLine:
    """Make a progress line with the rows in all, estimated or known, and those finished before."""
    rows = open_job.rows
    return ProgressLine(
        rows.inputs.rows,
        done=lambda: rows.count_finished_rows(open_job.finished),
        estimate=rows.estimate.rows,
    )


def _ranges(job: EmbedJob, embedder: TextEmbedder, rows: JobRows, path: AnyPath) -> FloatArray:
    """The ranges that an earlier run saved, or those of the first window."""
    if path.exists():
        return _read_ranges(path)
    ranges = _first_ranges(job, embedder, rows)
    with new_file(path) as file:
        np.save(file, ranges)
    return ranges


def _read_ranges(path: AnyPath) -> FloatArray:
    try:
        ranges: FloatArray = np.load(io.BytesIO(path.read_bytes()))
    except NPY_ERRORS as error:
        raise FormatError(
            "file-malformed",
            "the ranges cannot be read",
            why="the file is not an array as numpy writes it",
            fix="Start the job again in another directory",
            where=str(path),
        ) from error
    return ranges


def _first_ranges(job: EmbedJob, embedder: TextEmbedder, rows: JobRows) -> FloatArray:
    first = rows.first_window()
    if first is None:
        raise no_rows_error(job)
    # not in the report: these texts are encoded again
    answer = next(job.call(embedder).answers(iter([first])))
    vectors = answer.vectors if isinstance(answer, PartVectors) else answer
    return ranges_of(vectors, job.encode.precision)


def no_rows_error(job: EmbedJob) -> InputError:
    """The error for inputs without a single row."""
    return InputError(
        "texts-missing",
        f"there is no text in {', '.join(job.locations)}",
        why="a job needs at least one",
        fix="Give files with texts",
    )
