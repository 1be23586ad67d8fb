"""The job of `albertkit embed` on a cluster: the same shards, byte for byte, made by many.

In: an EmbedJob whose inputs tell how many rows they have, so that every shard's rows are known
before any is read. Out: the files that the job would write alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from albertkit.errors import InputError, SurroundingsError
from albertkit.rows import Inputs, ShardedSink, find_inputs
from albertkit.rows.filesystems import is_uri
from albertkit.rows.places import called
from albertkit.rows.remote_path import AnyPath, RemotePath
from albertkit.rows.shards import Shards
from albertkit.rows.sink import JOB
from albertkit.scale.cluster import cluster
from albertkit.scale.shards_on_ray import made_on_ray
from albertkit.tasks.embed_job import EmbedJob, ShardDone, ShardTask, embed_shard
from albertkit.tasks.progress import ProgressLine


@dataclass(frozen=True, slots=True)
class EmbedWork:
    """What a worker needs to make any shard of a job; its paths are whole ones."""

    job: EmbedJob
    inputs: Inputs
    shards: Shards

    def opened(self) -> Callable[[int], ShardDone]:
        """See Work; raises SurroundingsError [output-elsewhere], and as `EmbedJob.embedder`."""
        if not (self.shards.directory / JOB).exists():
            raise SurroundingsError(
                "output-elsewhere",
                f"there is no {JOB} in {str(self.shards.directory)!r} on this machine",
                why="the job was begun in a directory of that name on another",
                fix="Write to a place that all machines share: a network disk, s3://…",
            )
        embedder = self.job.embedder()
        return lambda number: embed_shard(
            embedder, ShardTask(self.job, self.shards, number), self.inputs
        )


def embed_on_ray(
    job: EmbedJob,
    output: str | Path,
    *,
    kind: str = "parquet",
    resume: bool = False,
    address: str | None = None,
    workers: int | None = None,
    cores: int = 1,
    line: ProgressLine | None = None,
) -> list[ShardDone]:
    """Make what is missing of a job's shards; what became of those, in their order.

    address, workers, cores: as of `cluster` and `made_on_ray`. line: hears of each shard's rows.
    Raises InputError [inputs-without-borders], [calibration-missing], and as find_inputs,
    ShardedSink, `cluster` and `made_on_ray` do.
    """
    _refuse_own_calibration(job)
    inputs = find_inputs(job.places)
    rows = _counted(job, inputs)
    embedder = job.embedder()
    with ShardedSink(
        output,
        job=job.described(embedder, inputs),
        kind=kind,
        shard_rows=job.shard_rows,
        types=inputs.types(job.keep),
        resume=resume,
    ) as sink:
        finished = sink.finished
        shards = range(-(-rows // job.shard_rows))
        missing = [number for number in shards if number not in finished]
        work = _anywhere(job, inputs, sink.shards)
        made: list[ShardDone] = []
        with cluster(address, cores=(workers or 0) * cores) as ray:
            for done in made_on_ray(ray, work, missing, workers=workers, cores=cores):
                made.append(done)
                if line is not None:
                    line(done.rows + done.bad)
        sink.clear()
    return sorted(made, key=lambda done: done.number)


def _refuse_own_calibration(job: EmbedJob) -> None:
    if job.precision == "int8" and job.calibration is None:
        raise InputError(
            "calibration-missing",
            "int8 has no texts to be fitted to",
            why="each worker would take those of its first shard, and round otherwise",
            fix="Give a file of texts like yours that all machines see, with --calibration",
        )


def _counted(job: EmbedJob, inputs: Inputs) -> int:
    """How many rows there are; raises where only reading to the end would tell."""
    broken = next((file.error for file in inputs.files if file.error is not None), None)
    if broken is not None and not job.skip_bad:
        raise broken
    inputs.columns(job.column)
    if inputs.rows is not None:
        return inputs.rows
    endless = [file.name for file in inputs.files if file.rows is None and file.error is None]
    raise InputError(
        "inputs-without-borders",
        f"{called(endless[0])!r} does not say how many rows it has",
        why="each worker goes straight to the rows of its shard, as Parquet and Arrow allow",
        fix="Write it as Parquet first, or run without --on ray",
    )


def _anywhere(job: EmbedJob, inputs: Inputs, shards: Shards) -> EmbedWork:
    """The work with whole paths: a worker's current directory is another."""
    files = tuple(replace(file, name=_whole(file.name)) for file in inputs.files)
    calibration = job.calibration
    return EmbedWork(
        replace(
            job,
            places=tuple(file.name for file in files),
            model=_whole(job.model) if Path(job.model).exists() else job.model,
            calibration=_whole(calibration) if isinstance(calibration, str) else calibration,
        ),
        replace(inputs, files=files),
        replace(shards, directory=_whole_path(shards.directory)),
    )


def _whole(name: str) -> str:
    return name if is_uri(name) else str(Path(name).absolute())


def _whole_path(place: AnyPath) -> AnyPath:
    return place if isinstance(place, RemotePath) else place.absolute()
