"""Sentences per second of the engine beside sentence-transformers: same weights, same lines.

    python benchmarks/encode_throughput.py [--model DIR] [--lines FILE] [--count 500] [--rounds 5]

DIR: a Hugging Face directory with its tokenizer; without it random weights of `--shape` and the
test vocabulary (speed does not depend on the values). FILE: one text a line, the first `--count`
non-empty lines are taken; without it invented words, in the lengths of a ragged English mix.

All contestants live in this process and run in turn within each round, so that a slow spell of
the machine meets all alike; figures are medians over the rounds, ratios medians of the ratios
within a round. Each figure includes tokenization and mean pooling. A peer that is not installed is
left out by name. How long the list is decides the ratio more than any kernel: it stands above the
table.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import sentencepiece

from albertkit.checkpoints import HUGGINGFACE, Stored, read_checkpoint
from albertkit.engine.lists import vectors_of_texts
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino_engine import OpenVinoEngine, own_cores
from albertkit.engine.packing import plan
from albertkit.engine.protocol import Engine
from albertkit.spec import FloatArray, Parameter, Weights, parameter_table, preset
from albertkit.text import AlbertTokenizer
from mix import mixed_texts

Encode = Callable[[list[str]], FloatArray]
Seconds = list[float]  # of each round

VOCABULARY = Path(__file__).parents[1] / "tests" / "fixtures" / "tiny_sp1000.model"
MAX_LENGTH = 512


def main() -> None:
    options = arguments()
    lines = lines_of(options.lines, options.count) if options.lines else invented(options.count)
    with tempfile.TemporaryDirectory() as folder:
        place = options.model or random_model(options.shape, Path(folder) / "model")
        contestants: dict[str, Encode] = {
            "albertkit numpy": ours(place, NumpyEngine),
            "albertkit openvino": ours(place, partial(OpenVinoEngine, threads=options.threads)),
        }
        if importlib.util.find_spec("sentence_transformers"):
            contestants["sentence-transformers"] = peer(place, options.threads)
        else:
            print("sentence-transformers is not installed here: left out")
        describe(place, lines, options)
        vectors = {name: encode(lines[:64]) for name, encode in contestants.items()}  # warm
        seconds = race(contestants, lines, options.rounds)
    table(seconds, vectors, len(lines))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--shape", default="small-en", help="preset of the random model")
    parser.add_argument("--lines", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=own_cores())
    return parser.parse_args()


def lines_of(file: Path, count: int) -> list[str]:
    with file.open(encoding="utf-8") as stream:
        lines = [line.strip() for line in stream if line.strip()]
    return lines[:count]


def invented(count: int) -> list[str]:
    """Texts of random words of the test vocabulary, each one piece."""
    words = [name[1:] for name in pieces() if name.startswith("▁") and name[1:].isalpha()]
    return mixed_texts(count, words)


def pieces() -> list[str]:
    """The pieces of the test vocabulary."""
    opened = sentencepiece.SentencePieceProcessor(model_file=str(VOCABULARY))
    return [opened.id_to_piece(number) for number in range(len(opened))]


def random_model(shape: str, place: Path) -> Path:
    """A directory with random weights of the shape `preset`, and the test vocabulary."""
    chance = np.random.default_rng(0)
    config = dataclasses.replace(preset(shape), vocab_size=len(pieces()))
    arrays = {
        row.name: random_array(row, chance) for row in parameter_table(config, pooler=True).stored
    }
    HUGGINGFACE.write(Stored(Weights(config, (), arrays)), place)
    shutil.copyfile(VOCABULARY, place / "spiece.model")
    return place


def random_array(row: Parameter, chance: np.random.Generator) -> FloatArray:
    """Values that keep the size of what passes through them."""
    if len(row.shape) == 2:
        return chance.normal(0, row.shape[1] ** -0.5, row.shape).astype(np.float32)
    middle = 1.0 if row.name.lower().endswith("norm.weight") else 0.0
    return (middle + chance.normal(0, 0.1, row.shape)).astype(np.float32)


def ours(place: Path, make: Callable[[Weights], Engine]) -> Encode:
    tokenizer = AlbertTokenizer.from_pretrained(place)
    engine = make(read_checkpoint(place).weights)
    return lambda lines: vectors_of_texts(
        engine, tokenizer.encode_batch(lines, max_length=MAX_LENGTH), "mean"
    )


def peer(place: Path, threads: int) -> Encode:
    """sentence-transformers in float32, with mean pooling and its usual batches of 32."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    torch.set_num_threads(threads)
    transformer = Transformer(str(place), max_seq_length=MAX_LENGTH)
    pooling = Pooling(transformer.get_embedding_dimension(), "mean")
    model = SentenceTransformer(modules=[transformer, pooling], device="cpu")
    return lambda lines: model.encode(lines, show_progress_bar=False)


def race(contestants: Mapping[str, Encode], lines: list[str], rounds: int) -> dict[str, Seconds]:
    seconds: dict[str, Seconds] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, encode in contestants.items():
            begin = time.perf_counter()
            encode(lines)
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def describe(place: Path, lines: list[str], options: argparse.Namespace) -> None:
    """What is measured: list, fill, model, machine."""
    config = read_checkpoint(place).weights.config
    encodings = AlbertTokenizer.from_pretrained(place).encode_batch(lines, max_length=MAX_LENGTH)
    lengths = encodings.lengths
    slots = sum(layout.slots for layout in plan(lengths))
    print(
        f"{len(lines)} texts, {lengths.sum()} ids (mean {lengths.mean():.1f}, "
        f"median {np.median(lengths):.0f}), {lengths.sum() / slots:.1%} of our slots filled\n"
        f"H {config.hidden_size}, {config.num_hidden_layers} layers, float32, "
        f"{options.threads} threads, median of {options.rounds} rounds\n"
    )


def table(seconds: Mapping[str, Seconds], vectors: Mapping[str, FloatArray], count: int) -> None:
    """One row a contestant; ratios and differences are to the last one."""
    *_, other = seconds
    print(f"{'':24}{'texts/s':>9}{'best':>9}   ratio to {other} (range)   max |diff|")
    for name, own in seconds.items():
        ratios = [theirs / mine for theirs, mine in zip(seconds[other], own, strict=True)]
        ratio = f"x{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        apart = np.abs(vectors[name] - vectors[other]).max()
        speeds = f"{count / statistics.median(own):>9.0f}{count / min(own):>9.0f}"
        print(f"{name:24}{speeds}   {ratio:38}   {apart:.1e}")


if __name__ == "__main__":
    main()
