"""What it costs that heads have the same bits on any number of cores: milliseconds of answers.

    python benchmarks/one_core.py

Answers about one text of 512 tokens, of a model of albert-base's shape with three of its twelve
repetitions: with `deterministic=True` and without, in turn. The processor's seconds of the quickest
call, on one thread; what the layers take is the answer "token vectors".
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import pack_single
from albertkit.engine.protocol import OutputRequest, SpanSearch
from albertkit.spec import Weights, parameter_table
from albertkit.spec.presets import preset

REPETITIONS = 3
TOKENS = 512
ROUNDS = 5
HEADS = ("masked_lm", "span_search")
ASKED = {
    "token vectors": OutputRequest(tokens=True),
    "one word": OutputRequest(mlm_tokens=np.array([1])),
    "words of all tokens": OutputRequest(mlm_tokens=np.arange(TOKENS)),
    "spans": OutputRequest(spans=SpanSearch(start_n_top=5, end_n_top=5)),
}


def main() -> None:
    weights = make_weights()
    engines = {
        name: OpenVinoEngine(weights, threads=1, deterministic=name == "deterministic")
        for name in ("as numpy does", "deterministic")
    }
    ids = np.full(TOKENS, 5, np.int32)
    batch = pack_single(ids, np.zeros_like(ids), TOKENS)
    print(f"{'':22}{''.join(f'{name:>16}' for name in engines)}")
    for output, wanted in ASKED.items():
        values = quickest([partial(each.run, batch, wanted) for each in engines.values()])
        print(f"{output:22}{''.join(f'{1000 * each:13.0f} ms' for each in values)}", flush=True)


def make_weights() -> Weights:
    config = replace(preset("base"), num_hidden_layers=REPETITIONS)
    rng = np.random.default_rng(0)
    arrays = {
        row.name: rng.normal(0, 0.05, row.shape).astype(np.float32)
        for row in parameter_table(config, HEADS).stored
    }
    return Weights(config, HEADS, arrays)


def quickest(asked: Sequence[Callable[[], object]]) -> list[float]:
    """Seconds of each, in turn, behind a first round to get warm."""
    values: list[list[float]] = [[] for _ in asked]
    for _ in range(1 + ROUNDS):
        for run, spent in zip(asked, values, strict=True):
            begun = time.process_time()
            run()
            spent.append(time.process_time() - begun)
    return [min(spent[1:]) for spent in values]


if __name__ == "__main__":
    main()
