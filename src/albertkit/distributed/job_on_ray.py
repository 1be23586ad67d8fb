"""Run a job of any task on a cluster: the same shards, byte for byte, by many workers.

Input: an open job whose inputs have a known number of rows, so that each shard's rows are known
before any is read. Output: the files that one process would write.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Self

from albertkit.distributed.cluster import open_cluster
from albertkit.distributed.shards_on_ray import WorkerResources, make_shards
from albertkit.errors import InputError, ResourceError
from albertkit.tables import Inputs
from albertkit.tables.filesystems.remote import is_uri
from albertkit.tables.filesystems.remote_path import RemotePath
from albertkit.tables.filesystems.streams import STANDARD_INPUT, make_display_name
from albertkit.tables.writers.job_directory import JOB
from albertkit.tables.writers.shards import Shards
from albertkit.tasks.job import TableJob
from albertkit.tasks.jobs.run_job import JobReport, OpenJob, make_progress_line, no_rows_error
from albertkit.tasks.jobs.shard import ShardReport, ShardTask, make_shard


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of a cluster.

    Args:
        address: As for `open_cluster`.
        count: The most workers at a time; None: as many as the cluster has cores for.
        cores: Cores of each worker.
    """

    address: str | None = None
    count: int | None = None
    cores: int = 1

    def join_cluster(self) -> AbstractContextManager[ModuleType]:
        """Join the cluster, see `open_cluster`; a new one has as many cores as the workers need."""
        return open_cluster(self.address, cores=(self.count or 0) * self.cores)


@dataclass(frozen=True, slots=True)
class JobWork:
    """What a worker needs to make any shard of a job; can be pickled."""

    job: TableJob
    inputs: Inputs
    shards: Shards

    @classmethod
    def from_job(cls, open_job: OpenJob) -> Self:
        """Make paths absolute, as workers have other current directories.

        Shards and messages keep the names that the user gave.
        """
        job, inputs, shards = open_job.job, open_job.rows.inputs, open_job.sink.shards
        directory = shards.directory
        # a worker sees only the GPUs that Ray gives it
        load = replace(job.load, device="cuda" if _is_gpu(job.load.device) else job.load.device)
        return cls(
            replace(
                job,
                model=_make_absolute(job.model) if Path(job.model).exists() else job.model,
                load=load,
            ),
            replace(
                inputs,
                files=tuple(replace(file, path=_make_absolute(file.path)) for file in inputs.files),
            ),
            shards
            if isinstance(directory, RemotePath)
            else replace(shards, directory=directory.absolute()),
        )

    def open(self) -> Callable[[int], ShardReport]:
        """Open the model in a worker; see Work.

        Raises:
            ResourceError: [output-not-shared].
            AlbertKitError: As the job's task.
        """
        if not (self.shards.directory / JOB).exists():
            raise ResourceError(
                "output-not-shared",
                f"there is no {JOB} in {str(self.shards.directory)!r} on this machine",
                why="the job was started in a directory of that name on another machine",
                fix="Write to storage that all machines share: a network disk, s3://…",
            )
        opened = self.job.open()
        return lambda number: make_shard(
            opened, ShardTask(self.job, self.shards, number), self.inputs
        )


def find_countable_inputs(job: TableJob) -> Inputs:
    """Find the job's inputs, each of which must know its number of rows.

    Raises:
        InputError: [row-count-unknown], [texts-missing], and those of `find_inputs`.
    """
    inputs = None if STANDARD_INPUT in job.locations else job.inputs()
    files = inputs.files if inputs else ()
    if inputs is not None:
        inputs.raise_errors(skip_invalid=job.skip_invalid)
    if inputs is not None and inputs.rows is not None and not any(file.stream for file in files):
        if not inputs.rows:
            raise no_rows_error(job)
        return inputs
    unknown = (
        file.name for file in files if file.stream or (file.rows is None and file.error is None)
    )
    raise InputError(
        "row-count-unknown",
        f"the number of rows of {make_display_name(next(unknown, STANDARD_INPUT))!r} is unknown",
        why="each worker goes straight to the rows of its shard, as Parquet and Arrow allow",
        fix="Convert it to Parquet first, or run without --on ray",
    )


def run_on_ray(
    ray: ModuleType, open_job: OpenJob, workers: Workers, *, shows_progress: bool = False
) -> JobReport:
    """Make the shards that are not finished.

    Args:
        ray: From `workers.join_cluster`.
        open_job: From `start_job`, with inputs from `find_countable_inputs`.
        workers: The workers.
        shows_progress: Whether to draw a progress line on standard error.

    Raises:
        AlbertKitError: As `make_shards`.
    """
    shards = range(-(-(open_job.rows.inputs.rows or 0) // open_job.job.shard_rows))
    missing = [number for number in shards if number not in open_job.finished]
    line = make_progress_line(open_job) if shows_progress else None
    reports: list[ShardReport] = []
    work = JobWork.from_job(open_job)
    resources = WorkerResources(workers.cores, gpus=int(_is_gpu(open_job.job.load.device)))
    try:
        for report in make_shards(ray, work, missing, resources, most_workers=workers.count):
            reports.append(report)
            if line is not None:
                line(report.report.texts + report.invalid)  # of parts there are more rows
    finally:
        if line is not None:
            line.close()
    open_job.sink.remove_unfinished()
    return _sum_reports(open_job, reports)


def _sum_reports(open_job: OpenJob, shards: list[ShardReport]) -> JobReport:
    report = JobReport(open_job.job.start(open_job.opened).report)
    for shard in sorted(shards, key=lambda shard: shard.number):
        report.add(shard)
    report.log_warnings()
    return report


def _is_gpu(device: str | None) -> bool:
    return device is not None and device.startswith("cuda")


def _make_absolute(name: str) -> str:
    return name if is_uri(name) else str(Path(name).absolute())
