"""How near int8 comes to float32, plan by plan, and the memory that each takes.

    python benchmarks/int8_quantization_error.py FILE [--models base …] [--texts 128]

FILE: texts like those to come, of any kind that `albertkit embed --input` reads. Three quarters of
them are fitted to, the rest is measured on. base: random weights of albert-base's shape;
base+outliers: the same with six channels far above the rest, as some trained models have. Memory:
the largest resident set of a fresh process that embeds 64 texts of 32 ids (Linux). Prints Markdown.
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

from albertkit.engine.int8.calibration import draw_sample, measure_product_inputs
from albertkit.engine.int8.search import PLANS, RoundingPlan, build_scheme
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.processor import detect_processor
from albertkit.graph.quantization import QMAX, REDUCED_QMAX
from albertkit.graph.quantization_error import QuantizationError, measure_quantization_error
from albertkit.runtime import LoadedModel, load
from albertkit.spec import Weights
from albertkit.spec.parameters import layer_prefix
from albertkit.tables import read_texts
from race.models import RANDOM, model_directory

OUTLIERS: Final = "+outliers"
CHANNELS: Final = [7, 19, 40, 77, 131, 200]
LARGER: Final = {"full_layer_layer_norm": 12, "attention.LayerNorm": 6, "ffn_output": 4}
BENCHMARKS: Final = Path(__file__).parent
# Ranges change no shape and no byte, so that any do.
PROCESS: Final = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[3])
from race.memory import peak_megabytes
from albertkit.engine.int8.calibration import Extremes
from albertkit.engine.int8.search import PLANS, build_scheme
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.runtime import load
from albertkit.tokenization import Encodings
weights = load(sys.argv[1]).weights
ids = np.random.default_rng(0).integers(5, 1000, 2048, dtype=np.int32)
texts = Encodings(ids, np.zeros_like(ids), np.arange(0, 2049, 32), np.zeros(64, np.int64))
how = {}
if sys.argv[2] != "float32":
    inputs = {
        row.name: (Extremes(*np.full((2, row.shape[1]), [[-4], [4]], np.float32)),)
        * weights.config.num_hidden_layers
        for row in weights.table()
        if row.group is not None and len(row.shape) == 2
    }
    plan = next(plan for plan in PLANS if plan.name == sys.argv[2])
    how = {"precision": "int8", "scheme": build_scheme(plan, weights, inputs, 64)}
compute_text_vectors(OpenVinoEngine(weights, **how), texts, "mean")
print(round(peak_megabytes()))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--models", nargs="+", default=["small-en-vectors", "small-en", "base"])
    parser.add_argument("--texts", type=int, default=128)
    asked = parser.parse_args()
    processor = detect_processor()
    print(f"{processor.describe_int8()}; {processor.weight_qmax} levels of a weight unless noted\n")
    print("| model | computed in | cosine min · mean | centred min · mean | MB |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.models:
            shape = name.removesuffix(OUTLIERS)
            loaded = load(model_directory(shape, Path(folder)) if shape in RANDOM else name)
            if name.endswith(OUTLIERS):
                weights = with_outliers(loaded.weights)
                loaded = replace(loaded, checkpoint=replace(loaded.checkpoint, weights=weights))
            for line in lines(loaded, list(islice(read_texts(asked.file), asked.texts))):
                print(f"| {name} | {line} |", flush=True)


def lines(loaded: LoadedModel, texts: list[str]) -> Iterator[str]:
    """The rows of one model, without its name."""
    weights, processor = loaded.weights, detect_processor()
    pooling = loaded.pooling.pooling if loaded.pooling else "mean"
    sample = draw_sample(loaded.tokenizer.encode_batch(texts, max_length=loaded.max_length))
    inputs = measure_product_inputs(weights, sample.fitted)
    exact = compute_text_vectors(OpenVinoEngine(weights), sample.held, pooling)

    def measure_engine(engine: OpenVinoEngine) -> QuantizationError:
        values = measure_quantization_error(
            compute_text_vectors(engine, sample.held, pooling), exact
        )
        engine.close()
        return values

    def measure_plan(plan: RoundingPlan, levels: int) -> QuantizationError:
        scheme = build_scheme(plan, weights, inputs, levels)
        return measure_engine(OpenVinoEngine(weights, precision="int8", scheme=scheme))

    yield f"float32 | 1 · 1 | 1 · 1 | {largest_set(loaded.path, 'float32')}"
    if processor.bfloat16:
        yield row("bfloat16", measure_engine(OpenVinoEngine(weights, precision="bfloat16")), "")
    for plan in PLANS:
        values = measure_plan(plan, processor.weight_qmax)
        yield row(plan.name, values, str(largest_set(loaded.path, plan.name)))
    if processor.weight_qmax == REDUCED_QMAX:
        yield row(f"{PLANS[0].name}, {QMAX} levels", measure_plan(PLANS[0], QMAX), "")


def row(name: str, values: QuantizationError, memory: str) -> str:
    plain = f"{values.least:.4f} · {values.mean:.4f}"
    return f"{name} | {plain} | {values.least_centred:.4f} · {values.mean_centred:.4f} | {memory}"


def largest_set(directory: Path, computed_in: str) -> int:
    """MB of a process of its own."""
    command = [sys.executable, "-c", PROCESS, str(directory), computed_in, str(BENCHMARKS)]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def with_outliers(weights: Weights) -> Weights:
    """Six channels that every repetition makes larger."""
    arrays = dict(weights.arrays)
    for name, times in LARGER.items():
        there = f"{layer_prefix(0, 0)}{name}.weight"
        larger = arrays[there].copy()
        larger[CHANNELS] *= times
        arrays[there] = larger
    return replace(weights, arrays=arrays)


if __name__ == "__main__":
    main()
