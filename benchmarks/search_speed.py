"""Exact search over a million vectors: albertkit, FAISS flat, usearch exact, sentence-transformers.

Each library searches the same vectors in its own process, which is also how memory is measured.
Figures are queries a second of processor time, which other work on the machine changes little. The
vectors are clusters of 200 in a space where a few directions hold most of the variance; or give a
file of real ones with --vectors.

    python benchmarks/search_speed.py --rows 1000000
    python benchmarks/search_speed.py --rows 100000 --duplicates

The second looks for near-duplicates among the vectors, of which there are none.
FAISS, usearch and sentence-transformers are those of constraints-peers.txt (make bench's
environment); a library that is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray, Int64Array

Search = Callable[[FloatArray], Int64Array]

K = 10
MULTIPLIER = 20  # candidates of smaller vectors, times K
BATCHES = (1, 100)
PEERS = {
    "albertkit float32": "albertkit",
    "albertkit float16": "albertkit",
    "albertkit int8": "albertkit",
    "albertkit float32, int8 scanned": "albertkit",
    "albertkit ubinary": "albertkit",
    "albertkit float32, ubinary scanned": "albertkit",
    "FAISS IndexFlatIP": "faiss",
    "usearch exact": "usearch",
    "sentence-transformers": "sentence_transformers",
}


def make_vectors(rows: int, width: int, path: Path) -> None:
    """Write unit vectors whose variance falls with the dimension, as those of text models."""
    rng = np.random.default_rng(0)
    weights = (1 / np.sqrt(1 + np.arange(width) / 16)).astype(np.float32)
    rotation = np.linalg.qr(rng.normal(size=(width, width)))[0].astype(np.float32)
    array = np.lib.format.open_memmap(path, "w+", np.float32, (rows, width))
    centers = rng.normal(size=(rows // 200 + 1, width)).astype(np.float32)
    for begin in range(0, rows, 50_000):
        count = min(50_000, rows - begin)
        near = centers[rng.integers(0, len(centers), count)]
        block = (near + rng.normal(size=(count, width)).astype(np.float32)) * weights @ rotation
        array[begin : begin + count] = block / np.linalg.norm(block, axis=1, keepdims=True)


def open_search(name: str, path: Path, threads: int) -> Search:
    """The search of one library over the vectors in a file."""
    vectors: FloatArray = np.load(path, mmap_mode="r" if name.startswith("albertkit") else None)
    width = vectors.shape[1]
    if name.startswith("albertkit"):
        from albertkit import quantize_embeddings
        from albertkit.tasks.nearest import Corpus, find_nearest

        kind: Any = name.split()[1].rstrip(",")
        parts: list[npt.NDArray[Any]] = [vectors]  # mapped if it is only read for candidates
        ranges = np.stack([vectors.min(axis=0), vectors.max(axis=0)])
        if kind != "float32":
            blocks = (vectors[i : i + 50_000] for i in range(0, len(vectors), 50_000))
            parts = [quantize_embeddings(block, kind, ranges) for block in blocks]
        elif not name.endswith("scanned"):
            parts = [np.array(vectors)]
        corpus = Corpus.of(parts, kind, width, ranges=ranges)
        if name.endswith("scanned"):
            corpus = corpus.scan_as("int8" if "int8" in name else "ubinary")
        return lambda queries: find_nearest(corpus, queries, K, rescore_multiplier=MULTIPLIER)[0]
    if name.startswith("FAISS"):
        import faiss

        faiss.omp_set_num_threads(threads)
        flat = faiss.IndexFlatIP(width)
        flat.add(vectors)
        del vectors
        return lambda queries: flat.search(queries, K)[1]
    if name.startswith("usearch"):
        from usearch.index import MetricKind, search

        return lambda queries: np.atleast_2d(
            search(vectors, queries, K, MetricKind.IP, exact=True, threads=threads).keys
        )
    import torch
    from sentence_transformers import util

    torch.set_num_threads(threads)
    tensor = torch.from_numpy(vectors)

    def hits(queries: FloatArray) -> Int64Array:
        results = util.semantic_search(torch.from_numpy(queries), tensor, top_k=K)
        return np.array([[hit["corpus_id"] for hit in row] for row in results])

    return hits


def measure(name: str, path: Path, threads: int, repeat: int) -> dict[str, Any]:
    """Queries a second of processor time, one and a hundred at a time, memory, and the results."""
    vectors = np.load(path, mmap_mode="r")
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(100, vectors.shape[1])).astype(np.float32)
    queries = vectors[rng.integers(0, len(vectors), 100)] + noise * 0.03
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
    search = open_search(name, path, threads)
    result: dict[str, Any] = {"name": name}
    ids = search(queries)
    for batch in BATCHES:
        times = []
        for _ in range(repeat):
            start = time.process_time()
            search(queries[:batch])
            times.append(time.process_time() - start)
        result[f"queries a second, {batch}"] = batch / min(times)
    result["memory"] = own_memory()
    result["ids"] = ids.tolist()
    return result


def measure_duplicates(path: Path) -> None:
    """Print how long it takes to look for near-duplicates; the number of threads is numpy's."""
    from albertkit.tasks.duplicates import find_duplicates

    vectors: FloatArray = np.load(path)
    start = time.process_time()
    nearest, _ = find_duplicates(vectors, 0.9)
    seconds = time.process_time() - start
    kept = int((nearest == np.arange(len(nearest))).sum())
    print(f"{len(nearest):,} rows, {kept:,} without duplicates: {seconds:.1f} s of the processor")


def own_memory() -> int:
    """The memory of this process without mapped files, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    sizes = dict(line.split(":") for line in status.splitlines() if line.endswith("kB"))
    return int(sizes["RssAnon"].split()[0]) * 1024


def recall(ids: list[list[int]], exact: list[list[int]]) -> float:
    """The share of the exact results that are among the others."""
    hits = sum(len({*mine} & {*wanted}) for mine, wanted in zip(ids, exact, strict=True))
    return hits / sum(map(len, exact))


def print_table(results: list[dict[str, Any]]) -> None:
    exact = next(r["ids"] for r in results if r["name"] == "albertkit float32")
    print("| search | queries a second, one at a time | a hundred at a time | memory | recall@10 |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for result in results:
        one, many = (result[f"queries a second, {batch}"] for batch in BATCHES)
        memory = f"{result['memory'] / 2**20:,.0f} MB"
        share = recall(result["ids"], exact)
        print(f"| {result['name']} | {one:.1f} | {many:.0f} | {memory} | {share:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--vectors", type=Path, help=".npy file of float32 vectors of length 1")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3, help="runs, of which the best counts")
    parser.add_argument("--folder", type=Path, default=Path("build/bench"))
    parser.add_argument("--duplicates", action="store_true", help="look for near-duplicates")
    parser.add_argument("--only", help="measure one library in this process, and print JSON")
    options = parser.parse_args()
    path = options.vectors or options.folder / f"search-{options.rows}-{options.width}.npy"
    if options.only:
        print(json.dumps(measure(options.only, path, options.threads, options.repeat)))
        return
    if not path.exists():
        options.folder.mkdir(parents=True, exist_ok=True)
        make_vectors(options.rows, options.width, path)
    if options.duplicates:
        measure_duplicates(path)
        return
    results = []
    for name, module in PEERS.items():
        if find_spec(module) is None:
            print(f"{name}: {module} is not installed", file=sys.stderr)
            continue
        words = [sys.executable, __file__, "--only", name, "--vectors", str(path)]
        words += ["--threads", str(options.threads), "--repeat", str(options.repeat)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(options.threads)}
        environment |= {"OMP_NUM_THREADS": str(options.threads)}
        done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment)
        results.append(json.loads(done.stdout.splitlines()[-1]))
    print_table(results)


if __name__ == "__main__":
    main()
