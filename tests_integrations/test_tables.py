"""datasets, pandas, polars, and sentence-transformers' search for hard negatives."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from datasets import Dataset
from datasets.fingerprint import Hasher
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import mine_hard_negatives
from tests_integrations.texts import TEXTS

from albertkit import TextEmbedder


def test_datasets_maps_over_processes(embedder: TextEmbedder) -> None:
    embedder.encode(TEXTS)  # the processes are forked from one that has computed
    texts = Dataset.from_dict({"text": TEXTS})
    done = texts.map(
        lambda rows: {"vector": embedder.encode(rows["text"])}, batched=True, num_proc=2
    )
    np.testing.assert_allclose(done["vector"], embedder.encode(TEXTS), atol=1e-5)


def test_datasets_finds_what_it_has_computed(model: Path, tmp_path: Path) -> None:
    Dataset.from_dict({"text": TEXTS}).save_to_disk(tmp_path / "texts")
    program = (
        "import sys; from datasets import load_from_disk; from albertkit import TextEmbedder\n"
        "embedder = TextEmbedder(sys.argv[2])\n"
        "embed = lambda rows: {'vector': embedder.encode(rows['text'])}\n"
        "print(load_from_disk(sys.argv[1]).map(embed, batched=True)._fingerprint)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "texts"), str(model)]
    first, again = (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in "12"
    )
    assert first == again
    assert len([*(tmp_path / "texts").glob("cache-*.arrow")]) == 1


def test_a_hash_knows_the_options_and_the_files(model: Path, tmp_path: Path) -> None:
    embedder = TextEmbedder(model)
    before = Hasher.hash(embedder)
    embedder.encode(TEXTS)
    assert Hasher.hash(embedder) == before
    assert Hasher.hash(pickle.loads(pickle.dumps(embedder))) == before
    assert Hasher.hash(TextEmbedder(model, max_length=9)) != before
    weights = model / "model.safetensors"
    stat = weights.stat()
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))
    assert Hasher.hash(TextEmbedder(model)) != before, "the files of the model are others"
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert Hasher.hash(TextEmbedder(model)) == before


def test_a_column_of_pandas(embedder: TextEmbedder) -> None:
    table = pd.DataFrame({"body": TEXTS}, index=range(10, 19))
    table["vector"] = list(embedder.encode(table["body"]))
    np.testing.assert_array_equal(np.stack(table["vector"]), embedder.encode(TEXTS))


def test_a_column_of_polars(embedder: TextEmbedder) -> None:
    table = pl.DataFrame({"body": TEXTS})
    table = table.with_columns(vector=pl.Series(embedder.encode(table["body"])))
    assert table.schema["vector"] == pl.Array(pl.Float32, 32)
    np.testing.assert_array_equal(table["vector"].to_numpy(), embedder.encode(TEXTS))


@pytest.mark.parametrize("options", [{}, {"use_faiss": False, "relative_margin": 0.01}])
def test_hard_negatives_are_those_of_sentence_transformers(
    model: Path, embedder: TextEmbedder, options: dict[str, Any]
) -> None:
    pairs = Dataset.from_dict({"query": TEXTS[:6], "answer": TEXTS[1:7]})
    theirs = SentenceTransformer(str(model), device="cpu")
    models: list[Any] = [theirs, embedder]
    expected, ours = (
        mine_hard_negatives(pairs, each, num_negatives=2, verbose=False, **options)
        for each in models
    )
    assert ours[:] == expected[:]


def test_hard_negatives_of_two_models_share_no_cache(model: Path, tmp_path: Path) -> None:
    pairs = Dataset.from_dict({"query": TEXTS[:6], "answer": TEXTS[1:7]})
    models: list[Any] = [TextEmbedder(model), TextEmbedder(model, pooling="max"), TextEmbedder()]
    for embedder in models:
        mine_hard_negatives(pairs, embedder, cache_folder=str(tmp_path / "c"), verbose=False)
    assert len([*(tmp_path / "c").iterdir()]) == 6
