"""What keeping kernels for the shapes met costs and saves: memory and time by how many are kept.

    python benchmarks/kept_shapes.py [--kept 0 32 64 5000]

Single texts of 128 lengths, over and over, through the built-in model's shape on one thread, each
number in a process of its own: by how much it grows behind the first text, and the milliseconds of
a text in the last pass (Linux). One number is CACHED_SHAPES of albertkit/engine/openvino/engine.py.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import numpy as np

from albertkit.checkpoints import read_checkpoint
from albertkit.engine.openvino import engine as openvino_engine
from albertkit.engine.packing import pack_single
from albertkit.engine.protocol import OutputRequest
from albertkit.sources import VECTORS, resolve_location
from race.memory import resident_megabytes

LENGTHS = 128
PASSES = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kept", type=int, nargs="+", default=[0, 32, 64, 5000])
    parser.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone is not None:
        print(grown(asked.alone))
        return
    print(f"{'kept':>6}{'grows by':>12}{'a text':>12}")
    for kept in asked.kept:
        command = [sys.executable, __file__, "--alone", str(kept)]
        output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        print(f"{kept:6}{output.rstrip()}", flush=True)


def grown(kept: int) -> str:
    """A row of the table, but for its first cell."""
    openvino_engine.CACHED_SHAPES = kept
    weights = read_checkpoint(resolve_location(VECTORS)).weights
    engine = openvino_engine.OpenVinoEngine(weights, threads=1)

    def ask(length: int) -> None:
        ids = np.full(length, 5, np.int32)
        engine.run(pack_single(ids, np.zeros_like(ids), length), OutputRequest(tokens=True))

    ask(LENGTHS)
    before = resident_megabytes()
    for _ in range(PASSES):
        begun = time.process_time()
        for length in range(1, LENGTHS + 1):
            ask(length)
        spent = time.process_time() - begun
    return f"{resident_megabytes() - before:9.1f} MB{1000 * spent / LENGTHS:9.2f} ms"


if __name__ == "__main__":
    main()
