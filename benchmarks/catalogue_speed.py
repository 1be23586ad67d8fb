"""How fast the listed models' shapes are, as multiples of albert-base-v2: tokens a second.

    python benchmarks/catalogue_speed.py [--write]

Random weights of each shape, float32 on one thread in the engine that is chosen without an option
(the native one if it was compiled), texts of 32 tokens. The shapes take turns; a round gives each
shape's seconds of the processor for a token, as a share of base's in the same round, so other work
on the machine changes little. The median of the rounds is the figure. `--write` puts them into
src/albertkit/sources/catalogue.toml, which `albertkit models` shows.
"""

from __future__ import annotations

import re
import sys
import time
from statistics import median
from typing import Any

import numpy as np

from albertkit.engine.cpu_engine import choose_cpu_engine, create_cpu_engine
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.protocol import Engine
from albertkit.sources.catalogue import FILE, read_shapes
from albertkit.spec import AlbertConfig, Weights, parameter_table
from albertkit.tokenization import Encodings
from race.models import random_array

ROUNDS = 3
TOKENS = 32  # of a text
WORK = 2e10  # multiplications of a turn, about a second; xxlarge has more in its two texts
VOCABULARY = 1000  # the size of a lookup changes no time


def main() -> None:
    shapes = read_shapes()
    engines = {name: make_engine(shape) for name, shape in shapes.items()}
    texts = {name: make_texts(shape) for name, shape in shapes.items()}
    print(f"engine: {next(iter(engines.values())).name}")
    for name, engine in engines.items():  # the first call may compile
        measure(engine, texts[name])
    rounds = [
        {name: measure(engine, texts[name]) for name, engine in engines.items()}
        for _ in range(ROUNDS)
    ]
    speeds = {name: median(times["base"] / times[name] for times in rounds) for name in shapes}
    for name, speed in speeds.items():
        print(f"{name:10} {speed:.2g}")
    if "--write" in sys.argv:
        write(speeds)


def make_engine(shape: dict[str, Any]) -> Engine:
    config = AlbertConfig(vocab_size=VOCABULARY, **shape)
    rng = np.random.default_rng(0)
    arrays = {row.name: random_array(row, rng) for row in parameter_table(config).stored}
    return create_cpu_engine(choose_cpu_engine("float32"), Weights(config, (), arrays), threads=1)


def make_texts(shape: dict[str, Any]) -> Encodings:
    """So many texts that all shapes have about the same work; at least two."""
    hidden, inner = shape["hidden_size"], shape["intermediate_size"]
    work = shape["num_hidden_layers"] * (4 * hidden**2 + 2 * hidden * inner)  # for a token
    count = max(2, min(512, round(WORK / work / TOKENS)))
    ids = np.random.default_rng(0).integers(5, VOCABULARY, count * TOKENS).astype(np.int32)
    offsets = np.arange(count + 1, dtype=np.int64) * TOKENS
    return Encodings(ids, np.zeros_like(ids), offsets, np.zeros(count, np.int64))


def measure(engine: Engine, texts: Encodings) -> float:
    """Seconds of the processor for a token."""
    start = time.process_time()
    compute_text_vectors(engine, texts, "mean")
    return (time.process_time() - start) / len(texts.ids)


def write(speeds: dict[str, float]) -> None:
    text = FILE.read_text(encoding="utf-8")
    for name, speed in speeds.items():
        pattern = rf"(\[shapes\.{re.escape(name)}\][^\[]*?speed = )[\d.]+"
        text = re.sub(pattern, rf"\g<1>{float(f'{speed:.2g}')}", text)
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
