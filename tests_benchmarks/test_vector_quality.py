"""The figures of sentence vectors, on vectors whose figures are known; and the texts they learn."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

import distillation_texts
from albertkit.arrays import FloatArray
from contenders import BM25, Tfidf, Vectoriser, unit
from vector_quality import anisotropy, collection_ndcg, make_table, probe, recall, similarity


class Known(Vectoriser):
    """A contender whose vectors a function gives."""

    def __init__(self, encode: Callable[[str], tuple[float, float]]) -> None:
        self.encode = encode

    def vectors(self, texts: Sequence[str]) -> FloatArray:
        return unit(np.array([self.encode(text) for text in texts]))

    def compare(self, first: Sequence[str], second: Sequence[str]) -> FloatArray:
        return np.asarray((self.vectors(first) * self.vectors(second)).sum(1))

    def search(self, queries: Sequence[str], documents: Sequence[str]) -> FloatArray:
        return self.vectors(queries) @ self.vectors(documents).T

    def features(
        self, fitted: Sequence[str], others: Sequence[str]
    ) -> tuple[FloatArray, FloatArray]:
        return self.vectors(fitted), self.vectors(others)


def test_anisotropy_is_the_mean_cosine_of_different_rows() -> None:
    rows = unit(np.random.default_rng(0).normal(size=(7, 5)) + 1)
    cosines = (rows @ rows.T)[~np.eye(7, dtype=bool)]
    assert anisotropy(rows) == pytest.approx(cosines.mean(), abs=1e-6)


def test_similarity_is_100_if_cosines_rise_with_the_scores() -> None:
    angles = {"a": 0.0, "b": 0.1, "c": 0.5, "d": 1.5}
    contender = Known(lambda text: (np.cos(angles[text]), np.sin(angles[text])))
    scores = {"b": 5, "c": 3, "d": 1}
    rising = [{"sentence1": "a", "sentence2": t, "score": s} for t, s in scores.items()]
    falling = [{"sentence1": "a", "sentence2": t, "score": -s} for t, s in scores.items()]
    assert similarity(contender, rising) == pytest.approx(100)
    assert similarity(contender, falling) == pytest.approx(-100)


def test_recall_counts_own_documents_among_the_best() -> None:
    scores = np.array([[3, 2, 1], [3, 2, 1], [1, 1, 1]], np.float32)
    assert recall(scores, [0, 2, 1], 1) == pytest.approx(2 / 3)
    assert recall(scores, [0, 2, 1], 2) == pytest.approx(2 / 3)
    assert recall(scores, [0, 2, 1], 3) == 1


def test_ndcg_gains_from_cranfields_grades_and_leaves_out_queries_without_answers(
    tmp_path: Path,
) -> None:
    """Written out: the document of grade 1 (gain 4) is second, that of grade 3 (gain 2) first."""
    angles = {"one. x": 0.4, "two. y": 0.1, "three. z": 3.0, "q": 0.0}
    contender = Known(lambda text: (np.cos(angles[text]), np.sin(angles[text])))
    documents = [("1", "one", "x"), ("2", "two", "y"), ("3", "three", "z")]
    tables = {
        "ir-docs": [
            {"source": "cranfield", "id": n, "title": title, "text": text}
            for n, title, text in documents
        ],
        "ir-queries": [
            {"source": "cranfield", "id": "1", "text": "q"},
            {"source": "cranfield", "id": "2", "text": "unjudged"},
        ],
        "ir-qrels": [
            {"source": "cranfield", "query_id": "1", "doc_id": n, "relevance": grade}
            for n, grade in (("1", 1), ("2", 3))
        ],
    }
    for name, rows in tables.items():
        parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    second = 1 / np.log2(3)
    expected = 100 * (2 + 4 * second) / (4 + 2 * second)
    assert collection_ndcg(contender, tmp_path, "cranfield") == pytest.approx(expected)


@pytest.mark.parametrize("searcher", [BM25(), Tfidf()])
def test_words_find_their_document(searcher: BM25 | Tfidf) -> None:
    documents = ["a red car drives", "two cats sleep on sofas", "rain falls in spring"]
    scores = searcher.search(["where do cats sleep", "red rain car"], documents)
    assert scores.argmax(1).tolist() == [1, 0]
    assert scores[0, 0] == 0


def test_a_probe_learns_from_training_rows_alone() -> None:
    rows = [{"split": "train", "text": str(n), "label": n % 2} for n in range(40)]
    rows += [{"split": "test", "text": str(n), "label": n % 2} for n in range(40, 50)]
    contender = Known(lambda text: (1.0, (-1.0) ** int(text)))
    assert probe(contender, rows, "text", "label") == 100


def test_the_table_has_a_column_a_model_and_an_empty_cell_where_there_is_no_figure() -> None:
    table = make_table({"a": {"STS-B test": 76.06, "recall@1": 0.4674}, "BM25": {"recall@1": 0.75}})
    assert table.splitlines() == [
        "| | a | BM25 |",
        "|---|---|---|",
        "| STS-B test | 76.1 |  |",
        "| recall@1 | 0.467 | 0.750 |",
    ]


def test_a_variant_takes_words_from_between_the_same_neighbours() -> None:
    texts = ["The big dog sleeps.", "the big cat sleeps.", "A red car."]
    substitution = distillation_texts.Substitution(texts)
    assert substitution.variant(texts[0], random.Random(0)) == "the big cat sleeps."
    assert substitution.variant(texts[2], random.Random(0)) is None


def test_triplets_are_written_as_the_texts_are_and_an_unknown_negative_is_left_out() -> None:
    texts = ["A man sleeps.", "A person sleeps", "A man runs."]
    triplets = [
        ("A man sleeps", "A person sleeps.", "A man runs"),
        ("A person sleeps.", "a man sleeps.", "unknown"),
        ("A man sleeps.", "a man sleeps", "A man runs."),
        ("A man sleeps.", "unknown", "A man runs."),
    ]
    assert distillation_texts.triplets_of(texts, triplets) == [
        ("A man sleeps.", "A person sleeps", "A man runs."),
        ("A person sleeps", "A man sleeps.", ""),
    ]


def test_sources_without_a_licence_are_left_out(tmp_path: Path) -> None:
    rows = [{"source": source, "text": "x"} for source in ("coco-val2017", "multi30k-train")]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    assert [row["source"] for row in distillation_texts.table(tmp_path / "t.parquet")] == [
        "coco-val2017"
    ]
