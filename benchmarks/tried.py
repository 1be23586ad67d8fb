"""Variants that were tried, compared with the current graph: the quickest call of each round.

    python benchmarks/tried.py [--shapes base small] [--rounds 7] [--results FILE]

On one thread, by OpenVINO in float32, random weights; of base three of its twelve repetitions,
which all take the same time. `make figures` shows what is in benchmarks/results.json.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final
from unittest.mock import patch

import numpy as np

import ways
from albertkit.arrays import FloatArray
from albertkit.checkpoints import read_checkpoint
from albertkit.engine import packing
from albertkit.engine.openvino.compiled_encoder import (
    CompiledEncoder,
    LayerwiseEncoder,
    SingleGraphEncoder,
)
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.openvino.engine import is_bare_product_faster
from albertkit.engine.packing import Layout, pack, plan
from albertkit.engine.processor import read_cpu_flags
from albertkit.engine.protocol import PackedBatch
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.parameters import CachedArrays
from albertkit.tokenization import Encodings
from mix import draw_lengths
from race.models import RANDOM, model_directory
from race.reasons import CURRENT, table_of_variants
from race.results import Ran, commit, results_here, today

Emitter = Callable[[AlbertConfig, Mapping[str, FloatArray]], OpenVinoEmitter]
Batches = Callable[[Encodings], list[PackedBatch]]
REPETITIONS: Final = 3
SETTINGS: Final = {
    "INFERENCE_PRECISION_HINT": "f32",
    "INFERENCE_NUM_THREADS": 1,
    "ENABLE_CPU_PINNING": False,
}
BARE: Final = is_bare_product_faster(read_cpu_flags())


def current_graph(config: AlbertConfig, arrays: Mapping[str, FloatArray]) -> OpenVinoEmitter:
    return OpenVinoEmitter(config, arrays, bare_products=BARE)


def pack_all(texts: Encodings) -> list[PackedBatch]:
    return [pack(texts, layout) for layout in plan(texts.lengths, slots=packing.SLOTS)]


@dataclass(frozen=True, slots=True)
class Way:
    """How a graph is emitted, in which form it is compiled, how texts are laid into rows."""

    emitter: Emitter = current_graph
    form: Callable[..., CompiledEncoder] = SingleGraphEncoder
    batches: Batches = pack_all


def way_with_emitter(kind: Callable[..., OpenVinoEmitter], bare: bool = BARE) -> Way:
    return Way(partial(kind, bare_products=bare))


def with_constant(name: str, value: int) -> Way:
    """Of packing."""

    def batches(texts: Encodings) -> list[PackedBatch]:
        with patch.object(packing, name, value):
            return pack_all(texts)

    return Way(batches=batches)


def in_a_row_of(width: int) -> Way:
    return Way(batches=lambda texts: [pack(texts, Layout(width, ((0,),)))])


@dataclass(frozen=True, slots=True)
class Job:
    """lengths: of its texts, in ids. calls: of which the quickest counts."""

    description: str
    lengths: list[int]
    calls: int
    ways: Mapping[str, Way]


JOBS: Final = (
    Job(
        "32 ragged texts",
        draw_lengths(32),
        2,
        {
            "queries, keys and values in one product": way_with_emitter(
                ways.OneProductForQueriesKeysValues
            ),
            "1/√d on the scores": way_with_emitter(ways.ScaleOnTheScores),
            f"gelu {'inside its product' if BARE else 'behind its product'}": way_with_emitter(
                OpenVinoEmitter, not BARE
            ),
            "all products by oneDNN, none by MLAS": way_with_emitter(ways.OneDnnsProducts),
            "matrices laid the other way round": way_with_emitter(ways.MatricesLaidTheOtherWay),
            "layer by layer": Way(form=LayerwiseEncoder),
            "calls of 2,048 slots": with_constant("SLOTS", 2048),
        },
    ),
    Job(
        "24 paragraphs",
        draw_lengths(24, kinds=["paragraphs"]),
        2,
        {
            "wide rows cut in steps of 8": with_constant("CUT", 8),
            "wide rows not cut": with_constant("CUT", packing.WIDTH_STEP),
        },
    ),
    Job(
        "one text of 9",
        [9],
        100,
        {
            "a text alone, without a mask": way_with_emitter(ways.WithoutMask),
            "a text alone in a row of 16": in_a_row_of(16),
            "a text alone, by the library's `infer`": Way(form=ways.InferInOneCall),
            "a text alone, by a graph of just its length": Way(form=ways.GraphOfOneShape),
        },
    ),
)


def main() -> None:
    asked = arguments()
    results = results_here(asked.results)
    for shape in asked.shapes:
        with tempfile.TemporaryDirectory() as folder:
            weights = read_checkpoint(model_directory(shape, Path(folder))).weights
            few = replace(weights.config, num_hidden_layers=REPETITIONS)
            weights = replace(weights, config=few)
            values = [measure_job(weights, job, asked.rounds) for job in JOBS]
        results.tried[shape] = values
        results.save(asked.results)
    print(table_of_variants(results))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shapes", nargs="+", default=list(RANDOM), choices=RANDOM)
    parser.add_argument("--rounds", type=int, default=7)
    build = Path(__file__).parents[1] / "build" / "bench"
    parser.add_argument("--results", type=Path, default=build / "results.json")
    return parser.parse_args()


def measure_job(weights: Weights, job: Job, rounds: int) -> Ran:
    texts = texts_of(job.lengths, weights.config.vocab_size)
    answers = {name: answer(weights, texts, way) for name, way in contestants(job).items()}
    ran = Ran(job.description, 1, len(job.lengths), sum(job.lengths), commit=commit(), day=today())
    for each in answers.values():  # to get warm
        each()
    for _ in range(rounds):
        ran.rounds.append({name: seconds(each, job.calls) for name, each in answers.items()})
    return ran


def contestants(job: Job) -> dict[str, Way]:
    return {CURRENT: Way(), **job.ways}


def texts_of(lengths: list[int], pieces: int) -> Encodings:
    offsets = np.cumsum([0, *lengths])
    ids = np.random.default_rng(0).integers(0, pieces, offsets[-1], dtype=np.int32)
    return Encodings(ids, np.zeros_like(ids), offsets, np.zeros(len(lengths), np.int64))


def answer(weights: Weights, texts: Encodings, way: Way) -> Callable[[], None]:
    """Computes the token vectors of the texts."""
    arrays = CachedArrays(weights.arrays)
    request = way.form(partial(way.emitter, weights.config, arrays), SETTINGS).request()
    batches = way.batches(texts)

    def run() -> None:
        for batch in batches:
            request.vectors(batch, batch.slots)

    return run


def seconds(run: Callable[[], None], calls: int) -> float:
    """Of the quickest call, so that other work on the machine counts little.

    By the wall's clock: the processor's lags by up to 4 ms where another thread computes.
    """
    values = []
    for _ in range(calls):
        begun = time.perf_counter()
        run()
        values.append(time.perf_counter() - begun)
    return min(values)


if __name__ == "__main__":
    main()
