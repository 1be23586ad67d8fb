"""A command that writes a directory: a job in shards, made here or by the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from albertkit.cli.input_texts import STANDARD_INPUT, use_standard_input
from albertkit.cli.output import print_status, shows_progress
from albertkit.errors import AlbertKitError, InputError
from albertkit.errors.exceptions import count_noun
from albertkit.tasks.job import TableJob
from albertkit.tasks.jobs.run_job import JobReport, OpenJob, run_job, start_job

if TYPE_CHECKING:
    from albertkit.distributed import Workers


def run_sharded(
    job: TableJob,
    arguments: Sequence[str],
    output: str,
    shard_format: str | None,
    *,
    resume: bool,
    workers: Workers | None = None,
) -> None:
    """Write a directory of shards, and print what was written.

    Args:
        job: what to compute.
        arguments: "-" or nothing; other texts are refused.
        output: the directory.
        shard_format: format of its files.
        resume: continue the directory's job.
        workers: of a cluster; None: this process.
    """
    if any(argument != STANDARD_INPUT for argument in arguments):
        raise InputError(
            "usage",
            "texts are given as arguments, and a directory to write to",
            why="a directory is written from files or standard input",
            fix="Give --input FILE, or write to a file",
        )
    job = replace(job, locations=(*arguments, *job.locations) or use_standard_input())
    earlier_files, report = _run(job, output, shard_format, resume, workers)
    parts = [
        f"{count_noun(report.rows, 'row')} in {count_noun(report.shards, 'file')} written to"
        f" {output}"
    ]
    if earlier_files:
        parts.append(f"{count_noun(earlier_files, 'file')} of an earlier run kept")
    if report.invalid:
        parts.append(f"{count_noun(report.invalid, 'invalid row')} listed in its _invalid-*.jsonl")
    print_status(", ".join(parts))


def _run(
    job: TableJob, output: str, shard_format: str | None, resume: bool, workers: Workers | None
) -> tuple[int, JobReport]:
    """The number of files of earlier runs, and the report of this run."""
    if workers is None:
        with (
            start_job(job, output, shard_format=shard_format, resume=resume) as open_job,
            _explain_resume(open_job, output),
        ):
            return len(open_job.finished), run_job(open_job, shows_progress=shows_progress())
    from albertkit.distributed import find_countable_inputs, run_on_ray

    inputs = find_countable_inputs(job)
    with (  # the cluster first: without one, no directory is begun
        workers.join_cluster() as ray,
        start_job(job, output, shard_format=shard_format, resume=resume, inputs=inputs) as open_job,
        _explain_resume(open_job, output),
    ):
        report = run_on_ray(ray, open_job, workers, shows_progress=shows_progress())
        return len(open_job.finished), report


@contextmanager
def _explain_resume(open_job: OpenJob, output: str) -> Iterator[None]:
    """If the job is stopped, print how to continue it, before the error."""
    try:
        yield
    except (KeyboardInterrupt, AlbertKitError):
        files = count_noun(len(open_job.sink.complete_shards), "file")
        print_status(f"stopped: {output} holds {files}, --resume makes the others")
        raise
