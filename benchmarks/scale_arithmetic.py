"""What a billion paragraphs take: core-hours, hours, bytes in and out, money. An estimate.

    python benchmarks/scale_arithmetic.py --measure small-en-vectors
    python benchmarks/scale_arithmetic.py --tokens-per-second 3000 --width 384

The first measures how many tokens one core encodes in a second of its time, as a worker with one
core does, and prints the second command, which repeats the arithmetic. The rest is division. It is
assumed, not measured, that all cores of a cluster are as fast as this one, and that files are read
and written fast enough.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from albertkit import TextEmbedder
from race.models import RANDOM, model_directory
from race.texts import Words

BYTES_PER_NUMBER = {"float32": 4.0, "float16": 2.0, "int8": 1.0, "binary": 1 / 8}
MEASURED = 24  # paragraphs, which fill a few batches
ROUNDS = 3


def main() -> None:
    values = arguments().parse_args()
    if values.measure:
        values.tokens_per_second, values.width = measure_speed(values.measure, values.tokens)
        print(f"--tokens-per-second {values.tokens_per_second:.0f} --width {values.width}\n")
    print(report(values))


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    rate = parser.add_mutually_exclusive_group(required=True)
    rate.add_argument(
        "--measure", metavar="MODEL", help="a model's name or directory, or the shape base or small"
    )
    rate.add_argument("--tokens-per-second", type=float, help="of one core, as measured")
    parser.add_argument("--width", type=int, default=384, help="numbers in a vector")
    parser.add_argument("--paragraphs", type=float, default=1e9)
    parser.add_argument("--tokens", type=int, default=100, help="of a paragraph")
    parser.add_argument("--bytes-in", type=float, default=500, help="of a paragraph's text")
    parser.add_argument("--price", type=float, default=0.04, help="of a core for an hour")
    parser.add_argument("--shard-rows", type=int, default=100_000)
    return parser


def report(values: argparse.Namespace) -> str:
    """Two small Markdown tables and the line that says what they rest on."""
    core_hours = values.paragraphs * values.tokens / values.tokens_per_second / 3600
    shards = -(-values.paragraphs // values.shard_rows)
    minutes = values.shard_rows * values.tokens / values.tokens_per_second / 60
    lines = [
        f"Estimate: {values.paragraphs:.0e} paragraphs of {values.tokens} tokens, at"
        f" {values.tokens_per_second:,.0f} tokens a second and core, {values.price} a core-hour.",
        "",
        "| cores | hours | core-hours | cost |",
        "|---|---|---|---|",
        *(
            f"| {cores:,} | {core_hours / cores:,.1f} | {core_hours:,.0f}"
            f" | {core_hours * values.price:,.0f} |"
            for cores in (100, 1_000, 10_000)
        ),
        "",
        f"| numbers of {values.width} | bytes in | bytes out | a shard of {values.shard_rows:,} |",
        "|---|---|---|---|",
        *(
            f"| {name} | {readable(values.paragraphs * values.bytes_in)}"
            f" | {readable(values.paragraphs * values.width * each)}"
            f" | {readable(values.shard_rows * values.width * each)} |"
            for name, each in BYTES_PER_NUMBER.items()
        ),
        "",
        f"{shards:,.0f} shards, each {minutes:,.0f} minutes of one core; a killed worker loses at"
        " most this.",
    ]
    return "\n".join(lines)


def measure_speed(model: str, tokens: int) -> tuple[float, int]:
    """Tokens in a second of one core's time, the best of some rounds; the numbers in a vector.

    The processor's time is measured, not the clock's: other work on the machine counts less.
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # as Ray sets it for its workers
    with tempfile.TemporaryDirectory() as folder:
        directory = model_directory(model, Path(folder)) if model in RANDOM else model
        embedder = TextEmbedder(directory, engine="openvino")
    texts = Words.invent(embedder.tokenizer).texts([tokens] * MEASURED, seed=0)
    count = int(embedder.tokenizer.encode_batch(texts).lengths.sum())
    embedder.encode(texts[:32])
    seconds = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        embedder.encode(texts)
        seconds.append(time.process_time() - begin)
    return count / min(seconds), embedder.get_embedding_dimension()


def readable(count: float) -> str:
    for name, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {name}"
    return f"{count / 1e3:.3g} kB"


if __name__ == "__main__":
    main()
