"""Memory of a process that encodes with OpenVINO in float32, compared with the formula of the docs.

    python benchmarks/memory.py [--shape base|small|small-en-vectors] [--lists 60]

One process after another on one thread: opened, compiled, after a call of SLOTS slots and after
one of twice as many, and after ragged lists; then two processes at once, whose shares (PSS) count
what both map only half. Linux only: it reads /proc/self.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from albertkit.checkpoints import read_checkpoint
from albertkit.engine.packing import SLOTS
from albertkit.spec import AlbertConfig
from race.memory import MB
from race.models import model_directory

STATES = 5  # that a process reports
CHILD = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import numpy as np
from albertkit.checkpoints import read_checkpoint
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.packing import SLOTS
from albertkit.tokenization import Encodings
from mix import mixed_lengths
from race.memory import KB_OF_LINUX

def report(name):
    found = {}
    for file in ("/proc/self/status", "/proc/self/smaps_rollup"):
        for line in open(file):
            key, _, value = line.partition(":")
            if key in ("VmHWM", "VmRSS", "RssAnon", "Pss"):
                found[key] = int(value.split()[0]) * KB_OF_LINUX
    print(json.dumps([name, found]), flush=True)

def texts(lengths):
    starts = np.cumsum([0, *lengths])
    ids = np.random.default_rng(0).integers(0, 1000, starts[-1], dtype=np.int32)
    return Encodings(ids, np.zeros_like(ids), starts, np.zeros(len(lengths), np.int64))

weights = read_checkpoint(Path(sys.argv[1])).weights
report("opened")
from albertkit.engine.openvino.engine import OpenVinoEngine
engine = OpenVinoEngine(weights, threads=1)
report("compiled")
for times in (1, 2):
    compute_text_vectors(engine, texts([32] * (times * SLOTS // 32)), "mean", slots=times * SLOTS)
    report(f"a call of {times * SLOTS} slots")
for number in range(int(sys.argv[3])):
    compute_text_vectors(engine, texts(mixed_lengths(12, number)), "mean")
report(f"{sys.argv[3]} ragged lists")
sys.stdin.read()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shape", default="base")
    parser.add_argument("--lists", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = model_directory(options.shape, Path(folder))
        config = read_checkpoint(directory).weights.config
        (alone,) = measure_processes(directory, options.lists, processes=1)
        for name, values in alone.items():
            sizes = ", ".join(f"{key} {value / MB:.0f}" for key, value in values.items())
            print(f"{name:24} {sizes} MB")
        one, two = (alone[f"a call of {times * SLOTS} slots"]["VmRSS"] for times in (1, 2))
        print(f"bytes a slot: {(two - one) / SLOTS:.0f}, by the formula {slot_bytes(config)}")
        private = alone["compiled"]["RssAnon"] - alone["opened"]["RssAnon"]
        print(
            f"private once compiled: {private / MB:.0f} MB, "
            f"of it packed matrices by the formula {bytes_when_packed(config) / MB:.0f}"
        )
        both = measure_processes(directory, 0, processes=2)
        shares = [values[f"a call of {2 * SLOTS} slots"]["Pss"] / MB for values in both]
        print(f"two processes at once: {shares[0]:.0f} MB each, shared pages counted half (PSS)")


def measure_processes(
    directory: Path, lists: int, processes: int
) -> list[dict[str, dict[str, int]]]:
    """What so many processes, all running at the same time, report."""
    command = [sys.executable, "-c", CHILD, str(directory), str(Path(__file__).parent), str(lists)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    output: list[dict[str, dict[str, int]]] = []
    for process in running:  # each waits for the end of its input, so that all are there
        lines = itertools.islice(process.stdout or (), STATES)
        output.append(dict(json.loads(line) for line in lines))
    for process in running:
        process.communicate()
    return output


def slot_bytes(c: AlbertConfig) -> int:
    """Of the buffers of a call, for each slot: some 13 of H and two of F."""
    return 4 * (13 * c.hidden_size + 2 * c.intermediate_size)


def bytes_when_packed(c: AlbertConfig) -> int:
    """Of the matrices as OpenVINO lays them out anew, which no other process shares.

    With them the queries' matrix over √D.
    """
    H, F = c.hidden_size, c.intermediate_size
    layers = c.num_hidden_groups * c.inner_group_num
    return 4 * (layers * (5 * H * H + 2 * H * F) + c.embedding_size * H)


if __name__ == "__main__":
    main()
