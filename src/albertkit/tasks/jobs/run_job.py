"""A job begun or taken up again, and made in this process: its rows read once, shard after shard.

In: an EmbedJob and a directory. Out: the directory's shards and what is to be told of them. A run
that was broken off at any moment is taken up by the next, which leaves what is there and writes
what an unbroken one would have written.
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
from albertkit.runtime.calibration import check_fitted_once
from albertkit.runtime.placement import placed
from albertkit.tables import Inputs, ShardedSink
from albertkit.tables.filesystems.remote_path import AnyPath, new_file, path_of
from albertkit.tables.writers.files import check_output_not_input
from albertkit.tables.writers.job_directory import RANGES
from albertkit.tables.writers.shards import NPY_DAMAGE
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.jobs.embed_job import EmbedJob
from albertkit.tasks.jobs.embed_shard import ShardReport, ShardTask, write_shard
from albertkit.tasks.jobs.job_rows import JobRows
from albertkit.tasks.progress import ProgressLine
from albertkit.tasks.reports import EncodeReport
from albertkit.tasks.vector_types import IN_STEPS, ranges_of


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job whose directory is ours. job: with all that each process must take as it is.

    finished: the shards that an earlier run made.
    """

    job: EmbedJob
    embedder: TextEmbedder
    rows: JobRows
    sink: ShardedSink
    finished: frozenset[int]

    def task(self, number: int) -> ShardTask:
        """What has to be known to make a shard, anywhere."""
        return ShardTask(self.job, self.sink.shards, number)


@dataclass(slots=True)
class JobReport:
    """shards: made by this run; rows, bad: of these, with a vector and without."""

    report: EncodeReport
    shards: int = 0
    rows: int = 0
    invalid: int = 0

    def add(self, done: ShardReport) -> None:
        """Count one more."""
        self.shards += 1
        self.rows += done.rows
        self.invalid += done.invalid
        self.report.add(done.report)

    def tell(self) -> None:
        """Warn of what was cut and of empty texts, once for all shards."""
        self.report.log()


@contextmanager
def start_job(
    job: EmbedJob,
    directory: Path | str,
    *,
    kind: str = "parquet",
    resume: bool = False,
    inputs: Inputs | None = None,
) -> Iterator[OpenJob]:
    """Begin a job in a new directory, or take it up in its own.

    kind: of the shards' files. inputs: the job's, where they were looked at already. The ranges of
    int8 and uint8 vectors, and the texts that int8 is fitted to, are those of its first window;
    ranges are kept as RANGES, [2, D]: queries become bytes by the same.
    Raises as `find_inputs`, TextEmbedder and ShardedSink do.
    """
    inputs = job.inputs() if inputs is None else inputs
    check_output_not_input(path_of(directory) / f"part.{kind}", job.places)
    rows = JobRows(job, inputs)
    rows.check()
    load = job.load
    at = placed(load.engine, load.device, deterministic=load.deterministic)
    # numpy, that a short list finds quicker, would give other last digits than OpenVINO
    engine: EngineName = "openvino" if at.engine == "auto" else at.engine
    load = replace(load, engine=engine, device=at.device)
    if load.deterministic:
        check_fitted_once(load.calibration, load.precision)
    if load.precision == "int8" and load.calibration is None:
        first = rows.first_window()
        load = replace(load, calibration=() if first is None else tuple(first.first))
    embedder = replace(job, load=load).embedder()
    job = replace(job, load=replace(load, precision=embedder.model.engines.precision))
    with ShardedSink(
        directory,
        job=job.described(embedder, inputs),
        kind=kind,
        shard_rows=job.shard_rows,
        types=inputs.types(job.keep),
        resume=resume,
    ) as sink:
        if job.encode.precision in IN_STEPS:
            job = replace(job, ranges=_ranges(job, embedder, rows, sink.shards.directory / RANGES))
        yield OpenJob(job, embedder, rows, sink, sink.finished)


def run_job(open_job: OpenJob, *, shows_progress: bool = False) -> JobReport:
    """Make the shards that are not finished; each is there whole when it is counted.

    Raises as `read_batches` and `TextEmbedder.encode` do, InputError [texts-missing],
    ResourceError [write-failed].
    """
    job, embedder, finished = open_job.job, open_job.embedder, open_job.finished
    line = progress_line(open_job) if shows_progress else None
    done = JobReport(EncodeReport(embedder.max_seq_length, embedder.truncation))
    try:
        for number, batches in open_job.rows.by_shard(finished):
            done.add(write_shard(embedder, open_job.task(number), batches, line))
    finally:
        if line is not None:
            line.close()
        done.tell()
    if not done.shards and not finished:
        raise no_row(job)
    return done


def progress_line(open_job: OpenJob) -> ProgressLine:
    """A line that knows how many rows there are, or about so, and how many are finished."""
    rows = open_job.rows
    return ProgressLine(
        rows.inputs.rows,
        done=lambda: rows.there(open_job.finished),
        estimate=rows.estimate.rows,
    )


def _ranges(job: EmbedJob, embedder: TextEmbedder, rows: JobRows, place: AnyPath) -> FloatArray:
    """The ranges that an earlier run kept, or of the first window."""
    if place.exists():
        return _kept_ranges(place)
    ranges = _first_ranges(job, embedder, rows)
    with new_file(place) as file:
        np.save(file, ranges)
    return ranges


def _kept_ranges(place: AnyPath) -> FloatArray:
    try:
        kept: FloatArray = np.load(io.BytesIO(place.read_bytes()))
    except NPY_DAMAGE as error:
        raise FormatError(
            "file-malformed",
            "its ranges cannot be read",
            why="it is no array as numpy writes it",
            fix="Begin the job anew in another directory",
            where=str(place),
        ) from error
    return kept


def _first_ranges(job: EmbedJob, embedder: TextEmbedder, rows: JobRows) -> FloatArray:
    first = rows.first_window()
    if first is None:
        raise no_row(job)
    # not counted among what is told: these texts will be encoded again
    vectors = next(job.call(embedder).answers(iter([first])))
    return ranges_of(vectors, job.encode.precision)


def no_row(job: EmbedJob) -> InputError:
    """The error for inputs without a single row."""
    return InputError(
        "texts-missing",
        f"there is no text in {', '.join(job.places)}",
        why="a job needs one at least",
        fix="Give files with texts",
    )
