"""Where the time of a call goes: products, attention, norms, the rest; and how near to the ceiling.

    python benchmarks/where_time_goes.py [--shape base|small] [--width 128] [--threads 1]

The nodes of the float32 graph as OpenVINO times them, the least of each over the calls. Below them
the whole call beside the same products alone, in turn within each round, medians: what share of
the ceiling the engine reaches. All slots hold tokens, of texts of 32.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from albertkit.checkpoints import read_checkpoint
from albertkit.engine.openvino_emitter import OpenVinoEmitter
from albertkit.engine.openvino_engine import OpenVinoEngine, is_bare_product_faster
from albertkit.engine.openvino_graphs import encoder_graph
from albertkit.engine.packing import SLOTS, Layout, pack
from albertkit.engine.processor import system_flags
from albertkit.engine.protocol import PackedBatch, Wanted
from albertkit.engine.quiet_openvino import openvino
from albertkit.spec import Weights
from albertkit.text import Encodings
from race.models import model_directory
from race.products import OpenVino as Products

TEXT = 32  # tokens
KINDS = {
    "FullyConnected": "products",
    "Subgraph": "attention",
    "MVN": "norms",
    "MulAdd": "norms",
    "Transpose": "heads laid side by side",
    "Multiply": "activation",
    "Add": "residual sums",
    "Gather": "lookups",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shape", default="base")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = model_directory(options.shape, Path(folder))
        weights = read_checkpoint(place).weights
        batch = batch_of(weights, options.width)
        print(f"{options.shape}, {batch.ids.shape[0]} rows of {options.width}, float32")
        profile(weights, batch, options.threads)
        ceiling(weights, batch, Products(place, options.threads, "float32"), options)


def batch_of(weights: Weights, width: int) -> PackedBatch:
    chance = np.random.default_rng(0)
    each = width // TEXT
    rows = [tuple(range(at, at + each)) for at in range(0, SLOTS // TEXT, each)]
    count = len(rows) * each
    ids = chance.integers(0, weights.config.vocab_size, count * TEXT, dtype=np.int32)
    starts = np.arange(0, len(ids) + 1, TEXT)
    texts = Encodings(ids, np.zeros_like(ids), starts, np.zeros(count, np.int64))
    return pack(texts, Layout(width, tuple(rows)))


def profile(weights: Weights, batch: PackedBatch, threads: int) -> None:
    """Print the share of each kind of node."""
    bare = is_bare_product_faster(system_flags())
    graph = encoder_graph(OpenVinoEmitter(weights.config, weights.arrays, bare_products=bare))
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
        "PERF_COUNT": True,
    }
    request = openvino().Core().compile_model(graph, "CPU", settings).create_infer_request()
    least: dict[tuple[str, str], float] = {}
    for _ in range(8):
        request.infer([batch.ids, batch.type_ids, batch.positions, batch.owners])
        for node in request.profiling_info:
            kind = KINDS.get(node.node_type, "rest")
            kind = f"{kind} ({node.exec_type})" if kind == "products" else kind
            spent = node.real_time.total_seconds()
            least[kind, node.node_name] = min(spent, least.get((kind, node.node_name), spent))
    kinds: dict[str, float] = defaultdict(float)
    for (kind, _), spent in least.items():
        kinds[kind] += spent
    total = sum(kinds.values())
    for kind, spent in sorted(kinds.items(), key=lambda pair: -pair[1]):
        print(f"{spent / total:7.1%} {spent * 1e3:9.2f} ms  {kind}")


def ceiling(
    weights: Weights, batch: PackedBatch, products: Products, options: argparse.Namespace
) -> None:
    """Print the share of the ceiling."""
    engine = OpenVinoEngine(weights, threads=options.threads)
    tokens, shares = len(batch.slots), []
    engine.run(batch, Wanted(tokens=True))
    for _ in range(options.rounds):
        alone = products.seconds([], tokens)
        begun = time.perf_counter()
        engine.run(batch, Wanted(tokens=True))
        shares.append(alone / (time.perf_counter() - begun))
    print(
        f"{statistics.median(shares):.0%} of the ceiling "
        f"({min(shares):.0%} to {max(shares):.0%} over {options.rounds} rounds)"
    )


if __name__ == "__main__":
    main()
