"""Time of encode_batch compared with sentencepiece's threaded batch call on the same lines.

    python benchmarks/tokenize_throughput.py --model spiece.model lines.txt [--rounds 7]

lines.txt: UTF-8, one text a line (.zst too, with zstandard installed). The entrants take turns, so
that other load on the machine meets all of them; medians of the rounds are compared, of the wall's
seconds and of the processor's (all threads together, which stay right on a busy machine).
Sentencepiece gets the raw lines: it neither lower-cases nor strips accents, as ALBERT's pipeline
must.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sentencepiece

from albertkit.tokenization import AlbertTokenizer

Entrant = Callable[[list[str]], object]


def lines_of(path: Path) -> Iterator[str]:
    """The lines with text in them."""
    if path.suffix != ".zst":
        with path.open(encoding="utf-8") as file:
            yield from filter(None, (line.rstrip("\n") for line in file))
        return
    import zstandard

    with path.open("rb") as raw:
        reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(raw)
        for line in io.TextIOWrapper(reader, "utf-8", newline="\n"):
            if line != "\n":
                yield line.rstrip("\n")


def entrants(model: Path) -> dict[str, Entrant]:
    """Name → what encodes a list of lines."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    values: dict[str, Entrant] = {
        "sentencepiece, lists": lambda lines: processor.encode(lines, num_threads=-1),
        "sentencepiece, arrays": lambda lines: processor.encode(
            lines, num_threads=-1, return_type="numpy"
        ),
    }
    for name in ("reference", "huggingface", "tfhub"):
        values[f"albertkit, {name}"] = AlbertTokenizer.from_pretrained(
            model, policy=name
        ).encode_batch
    return values


def medians_of(
    runs: dict[str, Entrant], lines: list[str], rounds: int
) -> dict[str, tuple[float, float]]:
    """(wall, processor) seconds of each entrant; a first round, not counted, warms up."""
    values: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            wall, processor = time.perf_counter(), time.process_time()
            run(lines)
            took = time.perf_counter() - wall, time.process_time() - processor
            if number:
                values[name].append(took)
    return {
        name: (statistics.median(t[0] for t in times), statistics.median(t[1] for t in times))
        for name, times in values.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("text", type=Path)
    given = parser.parse_args()
    lines = list(itertools.islice(lines_of(given.text), given.lines))
    characters = sum(map(len, lines))
    plain = sum(map(str.isascii, lines)) / len(lines)
    print(f"{len(lines)} lines, {characters:,} characters, {plain:.0%} of the lines plain ASCII")
    medians = medians_of(entrants(given.model), lines, given.rounds)
    lists, arrays = medians["sentencepiece, lists"], medians["sentencepiece, arrays"]
    print(f"{'':24}    wall  x lists x arrays   processor  x lists x arrays")
    for name, (wall, processor) in medians.items():
        print(
            f"{name:24} {wall:7.3f} {wall / lists[0]:8.2f} {wall / arrays[0]:8.2f}"
            f" {processor:11.3f} {processor / lists[1]:8.2f} {processor / arrays[1]:8.2f}"
        )
    print(json.dumps({name: [round(x, 4) for x in pair] for name, pair in medians.items()}))


if __name__ == "__main__":
    main()
