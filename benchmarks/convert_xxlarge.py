"""Time and peak memory of converting the largest ALBERT: 223 million random parameters.

    python benchmarks/convert_xxlarge.py [--to huggingface --to tf1 …] [--folder /tmp]

Each conversion runs in a process of its own, proof included. The weights take 0.89 GB, once for
the source and once for each target; a target is removed before the next.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.spec import Weights, parameter_table
from albertkit.spec.presets import preset

BENCHMARKS = str(Path(__file__).parent)
# Prints seconds by the clock and of a core, and the peak of memory, mapped files included.
CONVERT = """
import sys, time
sys.path.insert(0, sys.argv[4])
from race.memory import peak_megabytes
begun = time.perf_counter()
from albertkit import convert
done = convert(sys.argv[1], sys.argv[2], to=sys.argv[3])
took = time.perf_counter() - begun
busy = time.process_time()
peak = peak_megabytes()
print(f"{took:.1f}\\t{busy:.1f}\\t{peak:.0f}\\t{done.parity.line()}")
"""


class Random(Mapping[str, FloatArray]):
    """Arrays made when they are asked for, the same for the same name."""

    def __init__(self, shapes: dict[str, tuple[int, ...]]) -> None:
        self.shapes = shapes

    def __getitem__(self, name: str) -> FloatArray:
        rng = np.random.default_rng(list(name.encode()))
        array = rng.standard_normal(self.shapes[name], np.float32)
        array *= 0.02
        if name.lower().endswith("norm.weight"):
            array += 1
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", action="append", help="formats; default: all that need no extra")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--preset", default="xxlarge")
    asked = parser.parse_args()
    config = preset(asked.preset)
    table = parameter_table(config, ["masked_lm"], pooler=True)
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        source = Path(folder) / "source"
        arrays = Random({row.name: row.shape for row in table.stored})
        begun = time.perf_counter()
        HUGGINGFACE.write(Checkpoint(Weights(config, table.heads, arrays, "random")), source)
        print(f"{table.count():,} parameters, made in {time.perf_counter() - begun:.0f} s")
        print("target\tseconds\tof a core\tpeak MB\tproof")
        for target in asked.to or ("huggingface", "tf1", "keras-hub", "onnx"):
            directory = Path(folder) / target
            output = subprocess.run(
                [sys.executable, "-c", CONVERT, str(source), str(directory), target, BENCHMARKS],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            print(f"{target}\t{output.stdout.strip() or output.stderr.strip().splitlines()[-1]}")
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
