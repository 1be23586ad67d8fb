"""The command of the race: which shapes, threads, jobs and contestants, and what is kept."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from race.field import ABSENT, BY_NAME, FIELD, REFERENCE, Contestant
from race.jobs import QUICK_SIZES, SIZES, Job
from race.models import model_directory
from race.names import JOBS
from race.ready import (
    describe_model,
    jobs_for,
    runs_here,
    words_of,
    write_cards,
    write_peers_files,
)
from race.referee import start_contestants
from race.results import Part, Ran, Results, Runner, results_here
from race.rounds import compare, not_begun, one_round
from race.tables import ALIKE, fastest_peer, ours_in

BENCHMARKS = Path(__file__).parents[1]
ROOT = BENCHMARKS.parent
SLOW = ("pipeline", "torch-compile", "ours-numpy", "ours-deterministic", "products-torch-float32")
QUICK = {  # defaults of --quick; base is last, for it takes the time that is left
    "shapes": ["small-en-vectors", "small", "base"],
    "rounds": 2,
    "minutes": 11.0,
    "only": [name for name in BY_NAME if name not in SLOW],
    "once": [REFERENCE, *(each.name for each in FIELD if each.side == "ceiling")],
}


def main() -> None:
    asked = arguments()
    ends = time.monotonic() + 60 * asked.minutes
    results = results_here(asked.results)
    if asked.note:
        results.machine["note"] = asked.note
    field = [BY_NAME[name] for name in asked.only]
    for shape in asked.shapes:
        for threads in asked.threads:
            if time.monotonic() < ends:
                race(results, results.part(shape, threads), field, asked, ends)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Race albertkit against its peers: the same weights and texts, in turn."
    )
    build = ROOT / "build" / "bench"
    parser.add_argument(
        "--quick", action="store_true",
        help="all shapes in some 12 minutes: fewer texts, two rounds, no slow contestants",
    )  # fmt: skip
    parser.add_argument("--shapes", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--threads", nargs="+", type=int, default=[2])
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=JOBS)
    parser.add_argument("--rounds", type=int, default=3, help="0: only make models and files")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="begin no job after so many"
    )
    parser.add_argument("--note", help="what the system does not say of this machine")
    parser.add_argument(
        "--only", nargs="+", default=list(BY_NAME), choices=BY_NAME, metavar="NAME",
        help=f"contestants; default: all of {', '.join(BY_NAME)}",
    )  # fmt: skip
    parser.add_argument(
        "--once", nargs="+", default=[], choices=BY_NAME, metavar="NAME",
        help="contestants that are asked in one round of each job only",
    )  # fmt: skip
    parser.add_argument("--texts", type=Path, help="a file of text; default: invented words")
    parser.add_argument("--results", type=Path, default=build / "results.json")
    parser.add_argument("--resume", action="store_true", help="keep the rounds that are there")
    parser.add_argument("--folder", type=Path, default=build, help="for models and logs")
    parser.add_argument("--ours", type=Path, default=Path(sys.executable), metavar="PYTHON")
    parser.add_argument(
        "--peers", type=Path, default=ROOT / ".venvs" / "peers" / "bin" / "python", metavar="PYTHON"
    )
    if parser.parse_args().quick:
        parser.set_defaults(**QUICK)
    return parser.parse_args()


def race(
    results: Results,
    part: Part,
    field: Sequence[Contestant],
    asked: argparse.Namespace,
    ends: float,
) -> None:
    """Run a part's jobs, every job once before any twice; what was found is saved at once.

    ends: the moment after which no job is begun.
    """
    directory = model_directory(part.shape, asked.folder)
    words = words_of(directory, asked.texts)
    every = jobs_for((QUICK_SIZES if asked.quick else SIZES)[part.shape], directory, words)
    jobs = {name: every[name] for name in asked.jobs if name in every}
    rans = {name: resume_rounds(part.jobs.get(name), job, asked) for name, job in jobs.items()}
    racing = [each for each in field if runs_here(each)]
    write_peers_files(directory, words, asked.peers, racing, BENCHMARKS)
    if all(len(ran.rounds) >= asked.rounds for ran in rans.values()):
        return
    cards = asked.folder / f"{part.shape}-{part.threads}" / "jobs.json"
    write_cards(cards, jobs, words, directory)
    part.model = describe_model(directory)
    part.texts = "running words of a file" if asked.texts else "invented words"
    part.runners |= {each.name: Runner(absent=ABSENT) for each in field if each not in racing}
    pythons = {"ours": asked.ours, "peers": asked.peers}
    cores = sorted(os.sched_getaffinity(0))[: part.threads]
    begun = time.monotonic()
    with start_contestants(racing, pythons, directory, cards, cores) as running:
        compare(part, running)
        print(f"{part.shape}, {part.threads} threads: all are warm "
              f"after {time.monotonic() - begun:.0f} s", flush=True)  # fmt: skip
        for number in range(asked.rounds):
            for name, ran in rans.items():
                if len(ran.rounds) <= number and time.monotonic() < ends:
                    one_round(part, name, ran, running, asked.once)
                    results.save(asked.results)
    for name in jobs:
        report(part, name)


def resume_rounds(before: Ran | None, job: Job, asked: argparse.Namespace) -> Ran:
    """The job's rounds so far, where they are to be kept and it is still the same job."""
    same = before is not None and (before.description, before.tokens) == (
        job.description,
        job.tokens,
    )
    return before if asked.resume and before is not None and same else not_begun(job)


def report(part: Part, job: str) -> None:
    """What a job's rounds came to, on the screen."""
    ran = part.jobs.get(job)
    if ran is None:
        return
    print(f"\n{part.shape}, {part.threads} threads, {job}: {ran.description}, "
          f"{ran.tokens:,} tokens, "
          f"{len(ran.rounds)} rounds, others used up to {ran.others:.0%}", flush=True)  # fmt: skip
    for each in FIELD:
        middle, ratio = ran.middle(each.name), ran.ratio(each.name, REFERENCE)
        if middle is None:
            continue
        output = f"x{ratio.middle:.2f} ({ratio.low:.2f} to {ratio.high:.2f})" if ratio else ""
        print(f"  {each.name:28}{middle:9.3f} s{ran.tokens / middle:9.0f} tokens/s  {output}")
    for precision in ALIKE:
        if fastest := fastest_peer(ran, precision):
            peer, ratio = fastest
            print(
                f"  {ours_in(precision)} is x{ratio.middle:.2f} ({ratio.low:.2f} to "
                f"{ratio.high:.2f}) as fast as {peer.name}, the fastest peer in {precision}"
            )
