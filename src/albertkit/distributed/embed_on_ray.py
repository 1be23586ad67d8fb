"""The job of `albertkit embed` on a cluster: the same shards, byte for byte, made by many.

In: an open job whose inputs tell how many rows they have, so that every shard's rows are known
before any is read. Out: the files that one process would write.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Self

from albertkit.distributed.cluster import cluster
from albertkit.distributed.shards_on_ray import Needs, made_on_ray
from albertkit.errors import InputError, ResourceError
from albertkit.tables import Inputs
from albertkit.tables.filesystems.remote import is_uri
from albertkit.tables.filesystems.remote_path import RemotePath
from albertkit.tables.filesystems.streams import STANDARD_INPUT, called
from albertkit.tables.writers.job_directory import JOB
from albertkit.tables.writers.shards import Shards
from albertkit.tasks.jobs.embed_job import EmbedJob
from albertkit.tasks.jobs.embed_shard import ShardReport, ShardTask, embed_shard
from albertkit.tasks.jobs.run_job import JobReport, OpenJob, no_row, progress_line
from albertkit.tasks.reports import EncodeReport


@dataclass(frozen=True, slots=True)
class Workers:
    """address: as of `cluster`. count: at most so many at a time; None: as many as the cluster
    has cores for. cores: of each.
    """

    address: str | None = None
    count: int | None = None
    cores: int = 1

    def joined(self) -> AbstractContextManager[ModuleType]:
        """See `cluster`; one that is started for them has as many cores as they."""
        return cluster(self.address, cores=(self.count or 0) * self.cores)


@dataclass(frozen=True, slots=True)
class EmbedWork:
    """What a worker needs to make any shard of a job."""

    job: EmbedJob
    inputs: Inputs
    shards: Shards

    @classmethod
    def anywhere(cls, open_job: OpenJob) -> Self:
        """Of an open job, with whole paths: a worker's current directory is another.

        What shards and messages call a file stays what the user called it.
        """
        job, inputs, shards = open_job.job, open_job.rows.inputs, open_job.sink.shards
        load, calibration, directory = job.load, job.load.calibration, shards.directory
        return cls(
            replace(
                job,
                model=_whole(job.model) if Path(job.model).exists() else job.model,
                load=replace(
                    load,
                    calibration=_whole(str(calibration))
                    if isinstance(calibration, str | Path)
                    else calibration,
                    # of the GPUs that Ray gives to a worker, which sees no others
                    device="cuda" if _is_gpu(load.device) else load.device,
                ),
            ),
            replace(
                inputs,
                files=tuple(replace(file, path=_whole(file.path)) for file in inputs.files),
            ),
            shards
            if isinstance(directory, RemotePath)
            else replace(shards, directory=directory.absolute()),
        )

    def opened(self) -> Callable[[int], ShardReport]:
        """See Work; raises ResourceError [output-not-shared], and as `EmbedJob.embedder`."""
        if not (self.shards.directory / JOB).exists():
            raise ResourceError(
                "output-not-shared",
                f"there is no {JOB} in {str(self.shards.directory)!r} on this machine",
                why="the job was begun in a directory of that name on another",
                fix="Write to a place that all machines share: a network disk, s3://…",
            )
        embedder = self.job.embedder()
        return lambda number: embed_shard(
            embedder, ShardTask(self.job, self.shards, number), self.inputs
        )


def inputs_with_borders(job: EmbedJob) -> Inputs:
    """The job's inputs, looked at once, of which each says how many rows it has.

    Raises InputError [row-count-unknown], [texts-missing], and as find_inputs does.
    """
    inputs = None if STANDARD_INPUT in job.places else job.inputs()
    files = inputs.files if inputs else ()
    if inputs is not None:
        inputs.refuse_broken(skip_invalid=job.skip_invalid)
    if inputs is not None and inputs.rows is not None and not any(file.stream for file in files):
        if not inputs.rows:
            raise no_row(job)
        return inputs
    endless = (
        file.name for file in files if file.stream or (file.rows is None and file.error is None)
    )
    raise InputError(
        "row-count-unknown",
        f"{called(next(endless, STANDARD_INPUT))!r} does not say how many rows it has",
        why="each worker goes straight to the rows of its shard, as Parquet and Arrow allow",
        fix="Write it as Parquet first, or run without --on ray",
    )


def run_on_ray(
    ray: ModuleType, open_job: OpenJob, workers: Workers, *, shows_progress: bool = False
) -> JobReport:
    """Make the shards that are not finished; each is there whole when it is counted.

    ray: as `workers.joined` gives it. open_job: of `inputs_with_borders`. Raises as `made_on_ray`
    does.
    """
    shards = range(-(-(open_job.rows.inputs.rows or 0) // open_job.job.shard_rows))
    missing = [number for number in shards if number not in open_job.finished]
    line = progress_line(open_job) if shows_progress else None
    made: list[ShardReport] = []
    work = EmbedWork.anywhere(open_job)
    needs = Needs(workers.cores, gpus=int(_is_gpu(open_job.job.load.device)))
    try:
        for done in made_on_ray(ray, work, missing, needs, workers=workers.count):
            made.append(done)
            if line is not None:
                line(done.rows + done.invalid)
    finally:
        if line is not None:
            line.close()
    open_job.sink.clear()
    return _told(open_job, made)


def _told(open_job: OpenJob, made: list[ShardReport]) -> JobReport:
    embedder = open_job.embedder
    told = JobReport(EncodeReport(embedder.max_seq_length, embedder.truncation))
    for done in sorted(made, key=lambda done: done.number):
        told.add(done)
    told.tell()
    return told


def _is_gpu(device: str | None) -> bool:
    return device is not None and device.startswith("cuda")


def _whole(name: str) -> str:
    return name if is_uri(name) else str(Path(name).absolute())
