"""The native engine and OpenVINO on one core, in turn, in processor time.

Processor time of one thread hardly changes while other programs run, so this works on a busy
machine, where the race of against_peers.py does not. Both engines get the same random ids, packed
as suits each of them. GFLOP/s are those of the layers' products alone. OpenVINO's engine has no
int8 and computes in bfloat16 in its place, if the processor has that.

    python benchmarks/native_engine.py --shapes small-en-vectors small base --rounds 5
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from albertkit.engine.native.engine import NativeEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.protocol import Engine, Precision
from albertkit.graph.quantization_error import compute_cosines
from albertkit.runtime import load
from albertkit.runtime.choose_engine import count_work_per_token
from albertkit.spec import Weights
from albertkit.tokenization import Encodings
from mix import MIX, draw_lengths
from race.models import model_directory

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
TOKENS = {"small-en-vectors": 4000, "small": 2000, "base": 500}  # of a list
LONE = (8, 32, 128, 512)


@dataclass(frozen=True, slots=True)
class Job:
    """Texts, and how often they are computed in a round."""

    name: str
    encodings: Encodings
    repetitions: int = 1


def main() -> None:
    """Print one line for each shape, precision and job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=list(TOKENS), choices=list(TOKENS))
    parser.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=PRECISIONS)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for shape in arguments.shapes:
            weights = load(model_directory(shape, Path(folder))).weights
            for precision in arguments.precisions:
                race(shape, weights, precision, arguments.rounds)


def race(shape: str, weights: Weights, precision: Precision, rounds: int) -> None:
    """Run both engines in turn on each job."""
    config = weights.config
    native = NativeEngine(weights, precision=precision, threads=1)
    theirs: Precision = "float32" if precision == "float32" else "bfloat16"
    openvino = OpenVinoEngine(weights, precision=theirs, threads=1)
    for job in list_jobs(shape, weights):
        engines: tuple[Engine, Engine] = native, openvino
        vectors = [compute_text_vectors(engine, job.encodings, "mean") for engine in engines]
        seconds: list[list[float]] = [[], []]
        for _ in range(rounds):
            for number, engine in enumerate(engines):
                seconds[number].append(
                    measure(partial(compute_text_vectors, engine, job.encodings, "mean"), job)
                )
        ratios = [slow / fast for fast, slow in zip(*seconds, strict=True)]
        rate = (
            len(job.encodings.ids)
            * count_work_per_token(config)
            / statistics.median(seconds[0])
            / 1e9
        )
        print(
            f"{shape} {precision} {job.name}: native {statistics.median(seconds[0]) * 1e3:.2f} ms, "
            f"{rate:.0f} GFLOP/s; OpenVINO {theirs} x {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}); "
            f"cosine of both at least {compute_cosines(*vectors).min():.5f}",
            flush=True,
        )
    native.close()
    openvino.close()


def list_jobs(shape: str, weights: Weights) -> list[Job]:
    """A list of mixed texts, one of sentences, and single texts."""
    tokens = TOKENS[shape]
    jobs = []
    for name, kinds in (("mix", tuple(MIX)), ("sentences", ("sentences",))):
        lengths = draw_lengths(1000, kinds=kinds)
        count = int(np.searchsorted(np.cumsum(lengths), tokens)) + 1
        jobs.append(Job(f"{name} of {count}", draw(weights, lengths[:count])))
    for length in LONE:
        jobs.append(
            Job(f"one text of {length}", draw(weights, [length]), max(1, tokens // length // 2))
        )
    return jobs


def draw(weights: Weights, lengths: list[int]) -> Encodings:
    """Random ids; speed does not depend on them."""
    rng = np.random.default_rng(0)
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    ids = rng.integers(5, weights.config.vocab_size, offsets[-1], dtype=np.int32)
    return Encodings(ids, np.zeros_like(ids), offsets, np.zeros(len(lengths), np.int64))


def measure(compute: Callable[[], object], job: Job) -> float:
    """Processor seconds of one call."""
    begin = time.process_time()
    for _ in range(job.repetitions):
        compute()
    return (time.process_time() - begin) / job.repetitions


if __name__ == "__main__":
    main()
