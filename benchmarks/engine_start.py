"""When is OpenVINO worth its start? numpy's and OpenVINO's seconds for a list, and for it again.

Run: python benchmarks/engine_start.py. Each figure is of a fresh process, the median of five; the
model is of the built-in size with random weights. The list at which OpenVINO wins at first gives
BREAK_EVEN of albertkit/runtime/choose_engine.py; again its start is behind it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.runtime.choose_engine import BREAK_EVEN, count_work_per_token
from albertkit.spec import Weights, parameter_table
from albertkit.spec.presets import preset

CONFIG = preset("small-en")
RUNS = 5
LENGTH = 16  # ids of a text
FIRST_LIST = """
import sys, time
from pathlib import Path
import numpy as np
from albertkit.checkpoints import read_checkpoint
from albertkit.engine.packing import compute_text_vectors
from albertkit.tokenization import Encodings
from albertkit.runtime.choose_engine import EngineChoice
texts, length, name = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
ids = np.random.default_rng(0).integers(5, 1000, texts * length, dtype=np.int32)
starts = np.arange(0, len(ids) + 1, length)
encodings = Encodings(ids, np.zeros_like(ids), starts, np.zeros(texts, np.int64))
choice = EngineChoice(read_checkpoint(Path(sys.argv[1])).weights, name)
for _ in range(2):
    began = time.perf_counter()
    compute_text_vectors(choice.engine_for(encodings), encodings, "mean")
    print(time.perf_counter() - began)
"""


def main() -> None:
    """Print a table of texts, work and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "model"
        rng = np.random.default_rng(0)
        arrays = {
            row.name: rng.normal(0, 0.02, row.shape).astype(np.float32)
            for row in parameter_table(CONFIG).stored
        }
        HUGGINGFACE.write(Checkpoint(Weights(CONFIG, (), arrays)), directory)
        print(f"{'':22}{'numpy':>16}{'openvino':>16} s")
        print(f"{'texts':>6}{'1e9 operations':>16}{'first':>8}{'again':>8}{'first':>8}{'again':>8}")
        for texts in (1, 8, 32, 64, 128, 256, 512):
            work = texts * LENGTH * count_work_per_token(CONFIG) / 1e9
            values = [*seconds(directory, texts, "numpy"), *seconds(directory, texts, "openvino")]
            print(f"{texts:6}{work:16.2f}{''.join(f'{each:8.3f}' for each in values)}", flush=True)
        print(f"BREAK_EVEN is {BREAK_EVEN / 1e9:.0f}e9 operations")


def seconds(directory: Path, texts: int, engine: str) -> list[float]:
    """From the first question to its answer, in a fresh process; and of the same, asked again."""
    command = [sys.executable, "-c", FIRST_LIST, str(directory), str(texts), str(LENGTH), engine]
    output = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(RUNS)]
    runs = [tuple(map(float, each.split())) for each in output]
    return [statistics.median(each) for each in zip(*runs, strict=True)]


if __name__ == "__main__":
    main()
