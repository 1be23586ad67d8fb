"""`albertkit embed` into a directory: a job in shards, made here or by the workers of a cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from albertkit.cli.input_texts import STANDARD_INPUT, piped
from albertkit.errors import AlbertKitError, InputError
from albertkit.errors.wording import count_noun
from albertkit.tasks.jobs.embed_job import EmbedJob
from albertkit.tasks.jobs.run_job import JobReport, OpenJob, run_job, start_job

if TYPE_CHECKING:
    from albertkit.distributed import Workers


def run_sharded(
    job: EmbedJob,
    arguments: Sequence[str],
    output: str,
    kind: str,
    *,
    resume: bool,
    workers: Workers | None = None,
) -> None:
    """A directory of shards, each whole or not there; workers: who makes them, if not we."""
    if any(argument != STANDARD_INPUT for argument in arguments):
        raise InputError(
            "usage",
            "texts are given as arguments, and a directory to write to",
            why="a job in parts reads files, or standard input",
            fix="Give --input FILE, or write to a file",
        )
    job = replace(job, places=(*arguments, *job.places) or piped())
    before, done = _made(job, output, kind, resume, workers)
    there = f", {count_noun(before, 'file')} of an earlier run stayed" if before else ""
    invalid = (
        f", {count_noun(done.invalid, 'invalid row')} listed in its _invalid-*.jsonl"
        if done.invalid
        else ""
    )
    made = f"{count_noun(done.rows, 'row')} in {count_noun(done.shards, 'file')}"
    _say(f"{made} written to {output}{there}{invalid}")


def _made(
    job: EmbedJob, output: str, kind: str, resume: bool, workers: Workers | None
) -> tuple[int, JobReport]:
    """How many shards were there before, and what this run made."""
    shows_progress = sys.stderr.isatty()
    if workers is None:
        with (
            start_job(job, output, kind=kind, resume=resume) as open_job,
            _told_how_to_go_on(open_job, output),
        ):
            return len(open_job.finished), run_job(open_job, shows_progress=shows_progress)
    from albertkit.distributed import inputs_with_borders, run_on_ray

    inputs = inputs_with_borders(job)
    with (  # the cluster first: where there is none, no directory is begun
        workers.joined() as ray,
        start_job(job, output, kind=kind, resume=resume, inputs=inputs) as open_job,
        _told_how_to_go_on(open_job, output),
    ):
        done = run_on_ray(ray, open_job, workers, shows_progress=shows_progress)
        return len(open_job.finished), done


@contextmanager
def _told_how_to_go_on(open_job: OpenJob, output: str) -> Iterator[None]:
    """A line before that of what ended the job."""
    try:
        yield
    except (KeyboardInterrupt, AlbertKitError):
        whole = count_noun(len(open_job.sink.finished), "file")
        _say(f"stopped: {output} holds {whole}, --resume makes the others")
        raise


def _say(line: str) -> None:
    print(line, file=sys.stderr)
