"""Where the time of a call goes: products, attention, norms, the rest; and how near to the ceiling.

    python benchmarks/where_time_goes.py [--shapes base small-en-vectors] [--results FILE]

The nodes of the float32 graph as OpenVINO times them, the least of each over the calls. With them
the whole call and the same products alone, in turn within each round: what share of the ceiling the
engine reaches. All slots hold tokens, of texts of 32. `make figures` shows what is in
benchmarks/results.json.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from albertkit.checkpoints import read_checkpoint
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.openvino.engine import OpenVinoEngine, is_bare_product_faster
from albertkit.engine.openvino.graphs import build_encoder_graph
from albertkit.engine.openvino_library import import_openvino
from albertkit.engine.packing import SLOTS, Layout, pack
from albertkit.engine.processor import read_cpu_flags
from albertkit.engine.protocol import OutputRequest, PackedBatch
from albertkit.spec import Weights
from albertkit.tokenization import Encodings
from race.cells import plural
from race.jobs import SIZES
from race.models import model_directory
from race.products import OpenVino as Products
from race.reasons import profiles
from race.results import Profile, commit, results_here, today

TEXT = 32  # tokens
CALLS = 8
KINDS = {
    "FullyConnected": "products",
    "Subgraph": "attention",
    "MVN": "norms",
    "MulAdd": "norms",
    "Transpose": "heads laid side by side",
    "Multiply": "gelu",
    "Add": "residual sums",
}


def main() -> None:
    asked = arguments()
    results = results_here(asked.results)
    for shape in asked.shapes:
        with tempfile.TemporaryDirectory() as folder:
            values = profile(model_directory(shape, Path(folder)), asked)
        results.profiles[shape] = values
        results.save(asked.results)
    print(profiles(results))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shapes", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=8)
    build = Path(__file__).parents[1] / "build" / "bench"
    parser.add_argument("--results", type=Path, default=build / "results.json")
    return parser.parse_args()


def profile(directory: Path, asked: argparse.Namespace) -> Profile:
    weights = read_checkpoint(directory).weights
    batch = batch_of(weights, asked.width)
    rows, threads = plural(len(batch.ids), "row"), plural(asked.threads, "thread")
    kinds = seconds_of_kinds(weights, batch, asked.threads)
    products = Products(directory, asked.threads, "float32")
    shares = shares_of_ceiling(weights, batch, products, asked)
    output = f"{rows} of {asked.width} slots, {threads}"
    return Profile(output, kinds, shares, commit(), today())


def batch_of(weights: Weights, width: int) -> PackedBatch:
    rng = np.random.default_rng(0)
    each = width // TEXT
    rows = [tuple(range(start, start + each)) for start in range(0, SLOTS // TEXT, each)]
    count = len(rows) * each
    ids = rng.integers(0, weights.config.vocab_size, count * TEXT, dtype=np.int32)
    offsets = np.arange(0, len(ids) + 1, TEXT)
    texts = Encodings(ids, np.zeros_like(ids), offsets, np.zeros(count, np.int64))
    return pack(texts, Layout(width, tuple(rows)))


def seconds_of_kinds(weights: Weights, batch: PackedBatch, threads: int) -> dict[str, float]:
    """What each kind of node takes in a call, the longest first."""
    bare = is_bare_product_faster(read_cpu_flags())
    graph = build_encoder_graph(OpenVinoEmitter(weights.config, weights.arrays, bare_products=bare))
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
        "PERF_COUNT": True,
    }
    request = import_openvino().Core().compile_model(graph, "CPU", settings).create_infer_request()
    least: dict[tuple[str, str], float] = {}
    for _ in range(CALLS):
        request.infer([batch.ids, batch.type_ids, batch.positions, batch.segment_ids])
        for node in request.profiling_info:
            named = KINDS.get(node.node_type, "lookups and the rest"), node.node_name
            spent = node.real_time.total_seconds()
            least[named] = min(spent, least.get(named, spent))
    kinds: dict[str, float] = defaultdict(float)
    for (kind, _), spent in least.items():
        kinds[kind] += spent
    return dict(sorted(kinds.items(), key=lambda pair: -pair[1]))


def shares_of_ceiling(
    weights: Weights, batch: PackedBatch, products: Products, asked: argparse.Namespace
) -> list[float]:
    """Of each round: the products' time over the whole call's."""
    engine = OpenVinoEngine(weights, threads=asked.threads)
    tokens, shares = len(batch.slots), []
    engine.run(batch, OutputRequest(tokens=True))
    for _ in range(asked.rounds):
        alone = products.seconds([], tokens)
        begun = time.perf_counter()
        engine.run(batch, OutputRequest(tokens=True))
        shares.append(alone / (time.perf_counter() - begun))
    return shares


if __name__ == "__main__":
    main()
