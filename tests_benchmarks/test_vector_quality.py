"""The figures of sentence vectors, on vectors whose figures are known; and the texts they learn."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

import distillation_texts
from vector_quality import anisotropy, probe, similarity, unit


def test_anisotropy_is_the_mean_cosine_of_different_rows() -> None:
    rows = unit(np.random.default_rng(0).normal(size=(7, 5)) + 1)
    cosines = (rows @ rows.T)[~np.eye(7, dtype=bool)]
    assert anisotropy(rows) == pytest.approx(cosines.mean(), abs=1e-6)


def test_similarity_is_100_if_cosines_rise_with_the_scores() -> None:
    angles = {"a": 0.0, "b": 0.1, "c": 0.5, "d": 1.5}

    def encode(texts: list[str]) -> np.ndarray:
        return np.array([[np.cos(angles[t]), np.sin(angles[t])] for t in texts], np.float32)

    scores = {"b": 5, "c": 3, "d": 1}
    rising = [{"sentence1": "a", "sentence2": t, "score": s} for t, s in scores.items()]
    falling = [{"sentence1": "a", "sentence2": t, "score": -s} for t, s in scores.items()]
    assert similarity(encode, rising) == pytest.approx(100)
    assert similarity(encode, falling) == pytest.approx(-100)


def test_a_probe_learns_from_training_rows_alone() -> None:
    rows = [{"split": "train", "text": str(n), "label": n % 2} for n in range(40)]
    rows += [{"split": "test", "text": str(n), "label": n % 2} for n in range(40, 50)]

    def encode(texts: list[str]) -> np.ndarray:
        return unit(np.array([[1.0, (-1.0) ** int(text)] for text in texts]))

    assert probe(encode, rows, ("text", "label", "test")) == 1


def test_a_variant_takes_words_from_between_the_same_neighbours() -> None:
    texts = ["The big dog sleeps.", "the big cat sleeps.", "A red car."]
    substitution = distillation_texts.Substitution(texts)
    assert substitution.variant(texts[0], random.Random(0)) == "the big cat sleeps."
    assert substitution.variant(texts[2], random.Random(0)) is None


def test_sources_without_a_licence_are_left_out(tmp_path: Path) -> None:
    rows = [{"source": source, "text": "x"} for source in ("coco-val2017", "multi30k-train")]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    assert [row["source"] for row in distillation_texts.table(tmp_path / "t.parquet")] == [
        "coco-val2017"
    ]
