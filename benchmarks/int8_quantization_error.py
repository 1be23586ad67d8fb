"""How near the native engine's int8 and bfloat16 come to float32, and the memory of each.

    python benchmarks/int8_quantization_error.py FILE [--models base …] [--texts 128]

FILE: texts of any kind that `albertkit embed --input` reads. base: random weights of albert-base's
shape; base+outliers: the same with six channels far above the rest, as some trained models have.
Memory: the largest resident set of a fresh process that embeds 64 texts of 32 ids (Linux). Prints
Markdown.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from albertkit.engine.native.engine import NativeEngine
from albertkit.engine.native.library import list_instruction_sets
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.protocol import Precision
from albertkit.graph.quantization_error import measure_quantization_error
from albertkit.runtime import LoadedModel, load
from albertkit.spec import Weights
from albertkit.spec.parameters import make_layer_prefix
from albertkit.tables import read_texts
from race.models import RANDOM, model_directory

OUTLIERS: Final = "+outliers"
CHANNELS: Final = [7, 19, 40, 77, 131, 200]
LARGER: Final = {"full_layer_layer_norm": 12, "attention.LayerNorm": 6, "ffn_output": 4}
BENCHMARKS: Final = Path(__file__).parent
PROCESS: Final = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[3])
from race.memory import peak_megabytes
from albertkit.engine.native.engine import NativeEngine
from albertkit.engine.packing import compute_text_vectors
from albertkit.runtime import load
from albertkit.tokenization import Encodings
weights = load(sys.argv[1]).weights
ids = np.random.default_rng(0).integers(5, 1000, 2048, dtype=np.int32)
texts = Encodings(ids, np.zeros_like(ids), np.arange(0, 2049, 32), np.zeros(64, np.int64))
compute_text_vectors(NativeEngine(weights, precision=sys.argv[2]), texts, "mean")
print(round(peak_megabytes()))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--models", nargs="+", default=["small-en-vectors", "small-en", "base"])
    parser.add_argument("--texts", type=int, default=128)
    asked = parser.parse_args()
    texts = list(islice(read_texts(asked.file), asked.texts))
    print("| model | computed in | cosine min · mean | centred min · mean | MB |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.models:
            shape = name.removesuffix(OUTLIERS)
            loaded = load(model_directory(shape, Path(folder)) if shape in RANDOM else name)
            if name.endswith(OUTLIERS):
                weights = with_outliers(loaded.weights)
                loaded = replace(loaded, checkpoint=replace(loaded.checkpoint, weights=weights))
            for line in lines(loaded, texts):
                print(f"| {name} | {line} |", flush=True)


def lines(loaded: LoadedModel, texts: list[str]) -> Iterator[str]:
    """The rows of one model, without its name."""
    weights = loaded.weights
    pooling = loaded.pooling.pooling if loaded.pooling else "mean"
    encodings = loaded.tokenizer.encode_batch(texts, max_length=loaded.max_length)
    exact = compute_text_vectors(NativeEngine(weights), encodings, pooling)
    yield f"float32 | 1 · 1 | 1 · 1 | {largest_set(loaded.path, 'float32')}"
    precisions: tuple[Precision, ...] = ("bfloat16", "int8")
    for precision in precisions:
        if list_instruction_sets(precision):
            engine = NativeEngine(weights, precision=precision)
            vectors = compute_text_vectors(engine, encodings, pooling)
            engine.close()
            error = measure_quantization_error(vectors, exact)
            plain = f"{error.least:.4f} · {error.mean:.4f}"
            centred = f"{error.least_centred:.4f} · {error.mean_centred:.4f}"
            yield f"{precision} | {plain} | {centred} | {largest_set(loaded.path, precision)}"


def largest_set(directory: Path, computed_in: Precision) -> int:
    """MB of a process of its own."""
    command = [sys.executable, "-c", PROCESS, str(directory), computed_in, str(BENCHMARKS)]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def with_outliers(weights: Weights) -> Weights:
    """Six channels that every repetition makes larger."""
    arrays = dict(weights.arrays)
    for name, times in LARGER.items():
        there = f"{make_layer_prefix(0, 0)}{name}.weight"
        larger = arrays[there].copy()
        larger[CHANNELS] *= times
        arrays[there] = larger
    return replace(weights, arrays=arrays)


if __name__ == "__main__":
    main()
