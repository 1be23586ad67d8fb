"""Compare the engines, and a torch model with its compiled form, on one core.

Run: python benchmarks/engines.py. Processor seconds, so that other work on the machine counts
little; the best of three rounds, taken in turn after a round to get warm. Three repetitions of
ALBERT base's layer (its twelve share it) with random weights, ragged texts of real lengths.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from albertkit import AlbertModel, compile_for_inference
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.protocol import Engine
from albertkit.model.torch_engine import TorchEngine
from albertkit.spec import Weights, parameter_table
from albertkit.spec.presets import preset
from albertkit.tokenization import Encodings
from mix import draw_lengths

ROUNDS = 3
TEXTS = 32


def main() -> None:
    """Print two tables of seconds and ratios."""
    torch.set_num_threads(1)
    weights, texts = make_weights(), make_texts()
    engines: list[Engine] = [
        OpenVinoEngine(weights, threads=1),
        TorchEngine(weights),
        NumpyEngine(weights),
    ]
    print(f"{TEXTS} texts, {len(texts.ids)} tokens, float32")
    show({each.name: partial(compute_text_vectors, each, texts, "mean") for each in engines})

    model = AlbertModel.from_weights(weights)
    compiled = compile_for_inference(model, threads=1)
    batch = pad_texts(texts)
    slots = batch["input_ids"].numel()
    print(f"the same as one padded batch of {slots} slots")
    with torch.inference_mode():
        show({"compiled": lambda: compiled(**batch), "torch model": lambda: model(**batch)})


def make_weights() -> Weights:
    """Spread so that attention and gelu are alive."""
    config = replace(preset("albert-base-v2"), num_hidden_layers=3)
    rng = np.random.default_rng(0)
    arrays = {
        row.name: rng.normal(0, 0.05, row.shape).astype(np.float32)
        for row in parameter_table(config).stored
    }
    return Weights(config, (), arrays)


def make_texts() -> Encodings:
    lengths = np.array(draw_lengths(TEXTS))
    rng = np.random.default_rng(0)
    ids = rng.integers(5, 30000, lengths.sum(), dtype=np.int32)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    return Encodings(ids, np.zeros_like(ids), offsets, np.zeros(TEXTS, np.int64))


def pad_texts(texts: Encodings) -> dict[str, torch.Tensor]:
    """As a tokenizer pads them."""
    mask = np.arange(texts.lengths.max()) < texts.lengths[:, None]  # [N, S]
    ids = np.zeros(mask.shape, np.int64)
    ids[mask] = texts.ids
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask.astype(int)),
    }


def show(contestants: Mapping[str, Callable[[], object]]) -> None:
    """Time them in turn; the first is what the others are compared with."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(1 + ROUNDS):
        for name, run in contestants.items():
            began = time.process_time()
            run()
            times[name].append(time.process_time() - began)
    best = {name: min(seconds[1:]) for name, seconds in times.items()}
    first = next(iter(best.values()))
    for name, seconds in best.items():
        print(f"{name:12} {seconds:7.2f} s  x {seconds / first:.2f}")


if __name__ == "__main__":
    main()
