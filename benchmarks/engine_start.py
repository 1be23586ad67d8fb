"""When is OpenVINO worth its start? numpy's and OpenVINO's seconds for a first list of texts.

Run: python benchmarks/engine_start.py. Each figure is a fresh process's, the median of five; the
model is of the built-in size with random weights. The list at which OpenVINO wins gives
BREAK_EVEN of albertkit/runtime/choose_engine.py.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from albertkit.checkpoints import HUGGINGFACE, Stored
from albertkit.runtime.choose_engine import BREAK_EVEN, work_per_token
from albertkit.spec import Weights, parameter_table, preset

CONFIG = preset("albertkit-small-en")
RUNS = 5
LENGTH = 16  # ids of a text
FIRST_LIST = """
import sys, time
from pathlib import Path
import numpy as np
from albertkit.checkpoints import read_checkpoint
from albertkit.engine.lists import vectors_of_texts
from albertkit.text import Encodings
from albertkit.runtime.choose_engine import EngineChoice
texts, length, name = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
ids = np.random.default_rng(0).integers(5, 1000, texts * length, dtype=np.int32)
starts = np.arange(0, len(ids) + 1, length)
encodings = Encodings(ids, np.zeros_like(ids), starts, np.zeros(texts, np.int64))
choice = EngineChoice(read_checkpoint(Path(sys.argv[1])).weights, name)
began = time.perf_counter()
vectors_of_texts(choice.engine_for(encodings), encodings, "mean")
print(time.perf_counter() - began)
"""


def main() -> None:
    """Print a table of texts, work and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model"
        chance = np.random.default_rng(0)
        arrays = {
            row.name: chance.normal(0, 0.02, row.shape).astype(np.float32)
            for row in parameter_table(CONFIG).stored
        }
        HUGGINGFACE.write(Stored(Weights(CONFIG, (), arrays)), place)
        print(f"{'texts':>6} {'1e9 operations':>15} {'numpy s':>8} {'openvino s':>11}")
        for texts in (1, 8, 32, 64, 128, 256, 512):
            work = texts * LENGTH * work_per_token(CONFIG) / 1e9
            numpy, openvino = (seconds(place, texts, name) for name in ("numpy", "openvino"))
            print(f"{texts:6} {work:15.2f} {numpy:8.3f} {openvino:11.3f}")
        print(f"BREAK_EVEN is {BREAK_EVEN / 1e9:.0f}e9 operations")


def seconds(place: Path, texts: int, engine: str) -> float:
    """From the first question to its answer, in a fresh process."""
    command = [sys.executable, "-c", FIRST_LIST, str(place), str(texts), str(LENGTH), engine]
    runs = [subprocess.run(command, capture_output=True, check=True) for _ in range(RUNS)]
    return statistics.median(float(run.stdout) for run in runs)


if __name__ == "__main__":
    main()
