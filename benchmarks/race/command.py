"""The command of the race: which shapes, threads, jobs and contestants, and what is kept."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from albertkit.checkpoints import read_checkpoint
from albertkit.engine.processor import this_processor
from albertkit.text import AlbertTokenizer
from mix import mixed_lengths
from race.field import BY_NAME, FIELD, REFERENCE, Contestant
from race.jobs import PROOF, SIZES, Job, jobs_of
from race.models import model_directory
from race.names import JOBS
from race.referee import Started, started
from race.results import Part, Ran, Results, Runner, commit, results_here, today
from race.runner import longest
from race.texts import Words

BENCHMARKS = Path(__file__).parents[1]
ROOT = BENCHMARKS.parent
SAMPLES = 128  # texts that int8 is fitted to
ABSENT = "not on this processor"


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
    parser.add_argument("--shapes", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--threads", nargs="+", type=int, default=[2])
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=JOBS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="begin no job after so many"
    )
    parser.add_argument("--note", help="what the system does not say of this machine")
    parser.add_argument(
        "--only", nargs="+", default=list(BY_NAME), choices=BY_NAME, metavar="NAME",
        help=f"contestants; default: all of {', '.join(BY_NAME)}",
    )  # fmt: skip
    parser.add_argument("--texts", type=Path, help="a file of text; default: invented words")
    parser.add_argument("--results", type=Path, default=build / "results.json")
    parser.add_argument("--resume", action="store_true", help="keep the rounds that are there")
    parser.add_argument("--folder", type=Path, default=build, help="for models and logs")
    parser.add_argument("--ours", type=Path, default=Path(sys.executable), metavar="PYTHON")
    parser.add_argument(
        "--peers", type=Path, default=ROOT / ".venvs" / "peers" / "bin" / "python", metavar="PYTHON"
    )
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
    shape, threads = part.shape, part.threads
    pythons = {"ours": asked.ours, "peers": asked.peers}
    place = model_directory(shape, asked.folder)
    tokenizer = AlbertTokenizer.from_pretrained(place)
    words = Words.of_file(asked.texts, tokenizer) if asked.texts else Words.invented(tokenizer)
    part.model = describe(place)
    part.texts = "running words of a file" if asked.texts else "invented words"
    every = jobs_of(words, tokenizer, SIZES[shape], longest(place))
    left = {name: rounds_left(part.jobs.get(name), asked) for name in asked.jobs if name in every}
    jobs = {name: every[name] for name, rounds in left.items() if rounds}
    if not jobs:
        return
    prepare(place, words, asked.peers, field)
    cards = asked.folder / f"{shape}-{threads}" / "jobs.json"
    write_cards(cards, jobs, words)
    for name, job in jobs.items():
        if not asked.resume or name not in part.jobs:
            texts = sum(map(len, job.calls))
            part.jobs[name] = Ran(job.told, len(job.calls), texts, job.tokens)
    part.runners |= {each.name: Runner(absent=ABSENT) for each in field if absent(each)}
    racing = [each for each in field if not absent(each)]
    cores = sorted(os.sched_getaffinity(0))[:threads]
    with started(racing, pythons, place, cards, cores) as running:
        compare(part, running)
        for number in range(max(left.values())):
            for name in jobs:
                if number < left[name] and time.monotonic() < ends:
                    one_round(part, name, running)
                    results.save(asked.results)
    for name in jobs:
        report(part, name)


def rounds_left(ran: Ran | None, asked: argparse.Namespace) -> int:
    done = len(ran.rounds) if ran and asked.resume else 0
    return max(0, asked.rounds - done)


def one_round(part: Part, job: str, running: Sequence[Started]) -> None:
    ran = part.jobs[job]
    found: dict[str, float] = {}
    for each in running:
        name = each.contestant.name
        if job not in each.contestant.jobs:
            continue
        answer = each.run(job)
        if answer is None:
            part.runners[name].absent = f"ended: {each.lost}"
            continue
        found[name] = answer.seconds
        ran.others = max(ran.others, answer.others)
        ran.peaks[name] = max(ran.peaks.get(name, 0.0), answer.peak_mb)
    ran.rounds.append(found)
    ran.commit, ran.day = commit(), today()


def compare(part: Part, running: Sequence[Started]) -> None:
    """Each contestant's vectors with the reference's: of sentence-transformers, if it runs."""
    vectors = {each.contestant.name: each.vectors() for each in running}
    names = [REFERENCE, *(each.contestant.name for each in running)]
    reference = next((name for name in names if vectors.get(name) is not None), "")
    for each in running:
        name, own = each.contestant.name, vectors[each.contestant.name]
        runner = Runner(each.libraries, each.lost or "", reference=reference)
        if own is not None:
            to = vectors[reference]
            lengths = np.linalg.norm(own, axis=1) * np.linalg.norm(to, axis=1)
            runner.difference = float(np.abs(own - to).max())
            runner.cosine = float(((own * to).sum(1) / lengths).min())
        part.runners[name] = runner


def absent(contestant: Contestant) -> bool:
    """Whether this processor does not multiply what the contestant computes in."""
    if contestant.anywhere or contestant.precision == "float32":
        return False
    here = this_processor()
    return not (here.bfloat16 if contestant.precision == "bfloat16" else here.int8)


def prepare(place: Path, words: Words, peers: Path, field: Sequence[Contestant]) -> None:
    """The files beside the model that contestants need, made once."""
    samples = place / "samples.txt"
    if not samples.exists():
        texts = words.texts(mixed_lengths(SAMPLES, seed=1), seed=1)
        samples.write_text("\n".join(texts) + "\n", encoding="utf-8")
    if not any(each.made_by.startswith("race.padded_peers") for each in field):
        return
    int8 = any(each.name == "openvino-int8" and not absent(each) for each in field)
    if (place / ("model_ov_int8.xml" if int8 else "model_ov.xml")).exists():
        return
    command = [peers, "-m", "race.export", place.resolve(), *(["int8"] if int8 else [])]
    subprocess.run([str(word) for word in command], cwd=BENCHMARKS, check=True)


def write_cards(path: Path, jobs: dict[str, Job], words: Words) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    proof = words.texts(mixed_lengths(PROOF, seed=2), seed=2)
    cards = {name: {"calls": job.calls, "tokens": job.tokens} for name, job in jobs.items()}
    path.write_text(json.dumps({"jobs": cards, "proof": proof}), encoding="utf-8")


def describe(place: Path) -> str:
    c = read_checkpoint(place).weights.config
    return (
        f"hidden size {c.hidden_size}, {c.num_attention_heads} heads, "
        f"{c.num_hidden_layers} layers, {c.vocab_size:,} pieces"
    )


def report(part: Part, job: str) -> None:
    """What a job's rounds came to, on the screen."""
    ran = part.jobs[job]
    print(f"\n{part.shape}, {part.threads} threads, {job}: {ran.told}, {ran.tokens:,} tokens, "
          f"{len(ran.rounds)} rounds, others used up to {ran.others:.0%}", flush=True)  # fmt: skip
    for each in FIELD:
        middle, ratio = ran.middle(each.name), ran.ratio(each.name, REFERENCE)
        if middle is None:
            continue
        told = f"x{ratio.middle:.2f} ({ratio.low:.2f} to {ratio.high:.2f})" if ratio else ""
        print(f"  {each.name:28}{middle:9.3f} s{ran.tokens / middle:9.0f} tokens/s  {told}")
