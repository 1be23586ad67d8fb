"""Where the time of the native engine goes: products, activation, softmax, norms, the rest.

    python benchmarks/where_time_goes.py [--shapes base small-en-vectors] [--results FILE]

perf says in which function one core is, a thousand times a second of its time; other programs do
not change the shares. The texts have 32 tokens each. What Python and numpy do is not counted.
`make figures` shows what is in benchmarks/results.json.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from albertkit.engine.native.engine import NativeEngine
from albertkit.engine.native.library import LIBRARY
from albertkit.engine.packing import compute_token_vectors
from albertkit.engine.protocol import Precision
from albertkit.runtime import load
from native_engine import PRECISIONS, draw
from race.jobs import SIZES
from race.models import model_directory
from race.reasons import profiles
from race.results import Profile, commit, results_here, today

TEXTS, TOKENS = 16, 32  # tokens of each text
SECONDS = 4.0  # of processor time
OTHER: Final = "sums with biases and residuals, keys and values laid out"
KINDS: Final = {  # of work, by the first name in a symbol
    "multiply_block": "products, those of attention too",
    "activate": "activation",
    "softmax_row": "softmax",
    "normalize": "norms",
    "encode_row": "int8 scales of rows",
}
SAMPLE = re.compile(r"^\s*([0-9.]+)%\s+\[\.\]\s+(.*)$")


def main() -> None:
    asked = arguments()
    if asked.compute:
        return compute(asked.compute, asked.shapes[0], asked.precisions[0])
    results = results_here(asked.results)
    with tempfile.TemporaryDirectory() as folder:
        for shape in asked.shapes:
            directory = model_directory(shape, Path(folder))
            for precision in asked.precisions:
                kinds = record(directory, shape, precision, Path(folder))
                output = f"{TEXTS} texts of {TOKENS} tokens, 1 thread"
                key = f"{shape}, {precision}"
                results.profiles[key] = Profile(output, kinds, commit(), today())
                results.save(asked.results)
    print(profiles(results))
    return None


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shapes", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=PRECISIONS)
    parser.add_argument("--compute", type=Path, help=argparse.SUPPRESS)  # what perf watches
    build = Path(__file__).parents[1] / "build" / "bench"
    parser.add_argument("--results", type=Path, default=build / "results.json")
    return parser.parse_args()


def compute(directory: Path, shape: str, precision: Precision) -> None:
    """Compute the same texts again and again."""
    weights = load(directory).weights
    engine = NativeEngine(weights, precision=precision, threads=1)
    texts = draw(weights, [TOKENS] * TEXTS)
    end = time.process_time() + SECONDS
    while time.process_time() < end:
        compute_token_vectors(engine, texts)


def record(directory: Path, shape: str, precision: Precision, folder: Path) -> dict[str, float]:
    """Shares of the library's time by kind of work, the largest first."""
    data = folder / "perf.data"
    watched = [sys.executable, __file__, "--compute", str(directory)]
    watched += ["--shapes", shape, "--precisions", precision]
    subprocess.run(["perf", "record", "-q", "-F", "1000", "-o", str(data), *watched], check=True)
    report = ["perf", "report", "-i", str(data), "--stdio", "--no-children", "-F"]
    report += ["overhead,symbol", "--dsos", LIBRARY.name]
    printed = subprocess.run(report, check=True, capture_output=True, text=True).stdout
    return shares_of_kinds(printed.splitlines())


def shares_of_kinds(lines: Iterable[str]) -> dict[str, float]:
    """perf's lines → the share of each kind of work."""
    percents: dict[str, float] = defaultdict(float)
    for line in lines:
        if sample := SAMPLE.match(line):
            function = sample[2].removeprefix("(anonymous namespace)::").partition("<")[0]
            percents[KINDS.get(function, OTHER)] += float(sample[1])
    total = sum(percents.values())
    return {kind: part / total for kind, part in sorted(percents.items(), key=lambda p: -p[1])}


if __name__ == "__main__":
    main()
