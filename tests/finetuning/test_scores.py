"""Scores against the definitions, and their intervals."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from albertkit.finetuning import baseline
from albertkit.finetuning.baseline import TfIdf, predict_majority, predict_tfidf
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.data.structured import GoldAnswer
from albertkit.finetuning.scores import Score, choose_labels, compute_score

RNG = np.random.default_rng(0)


def examples(labels: list[Any], task: Any, texts: list[str] | None = None) -> Examples:
    texts = texts or ["a"] * len(labels)
    return Examples(task, texts, None, labels, np.arange(1, len(labels) + 1), "t")


def test_accuracy_and_its_interval() -> None:
    labels = LabelSet("classification", ("a", "b"))
    rows = examples(["a"] * 80 + ["b"] * 20, "classification")
    score = compute_score(labels, rows, np.tile([0.9, 0.1], (100, 1)))
    assert score.value == 0.8
    assert 0.70 <= score.low <= 0.75
    assert 0.85 <= score.high <= 0.90


def test_the_interval_of_many_rows_needs_little_memory() -> None:
    rows, predictions = examples(["a"] * 10_000, "classification"), np.tile([0.9, 0.1], (10_000, 1))
    tracemalloc.start()
    compute_score(LabelSet("classification", ("a", "b")), rows, predictions)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # all resamples at once are 80 MB


def test_multi_label_is_the_micro_f1() -> None:
    right = RNG.random((40, 3)) > 0.5
    own = RNG.random((40, 3))
    names = ("x", "y", "z")
    labels = [tuple(np.array(names)[row].tolist()) for row in right]
    score = compute_score(LabelSet("multi-label", names), examples(labels, "multi-label"), own)
    assert score.value == pytest.approx(f1_score(right, own >= 0.5, average="micro"))


def test_numbers_are_ranked() -> None:
    labels = LabelSet("regression", ("score",))
    rows = examples([1.0, 2.0, 3.0, 4.0], "regression")
    assert compute_score(labels, rows, np.array([[1.0], [4], [9], [16]])).value == pytest.approx(1)
    assert compute_score(labels, rows, np.ones((4, 1))).value == 0  # constant: no rank


def test_spans_answers_and_choices() -> None:
    tags = examples([("B-X", "I-X", "O", "B-Y")], "tagging")
    score = compute_score(LabelSet("tagging", ()), tags, [["B-X", "I-X", "O", "O"]])
    assert score.value == pytest.approx(2 / 3)
    answers = examples([GoldAnswer(("the cat",), 0), GoldAnswer(())], "question-answering")
    score = compute_score(LabelSet("question-answering", ()), answers, ["Cat", ""])
    assert score.value == 1
    choices = examples([1, 0], "multiple-choice")
    own = [np.array([0.1, 0.9]), np.array([0.2, 0.5, 0.3])]
    assert compute_score(LabelSet("multiple-choice", ()), choices, own).value == 0.5
    assert choose_labels(LabelSet("multiple-choice", ()), own) == [1, 1]


def test_noise_is_an_interval_that_holds_the_other_value() -> None:
    assert Score(0.8, 0.75, 0.85).is_within_noise_of(Score(0.84, 0.80, 0.88))
    assert not Score(0.8, 0.75, 0.82).is_within_noise_of(Score(0.9, 0.86, 0.94))


TEXTS = ["good film good cast", "bad film", "a good story", "bad bad cast", "good fun", "bad plot"]


def test_tfidf_is_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "STRENGTHS", (10.0,))
    peer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    expected = peer.fit_transform(TEXTS).toarray()
    own = TfIdf.fit(TEXTS)
    rows = own.transform(TEXTS)
    dense = rows @ np.eye(rows.shape[1])
    order = [own.numbers[term] for term in peer.get_feature_names_out()]
    np.testing.assert_allclose(dense[:, order], expected, atol=1e-12)
    np.testing.assert_allclose(rows.T @ np.eye(6), dense.T)
    mask = np.arange(6) % 3 > 0
    np.testing.assert_allclose(rows[mask] @ np.eye(rows.shape[1]), dense[mask], atol=1e-12)
    labels = LabelSet("classification", ("bad", "good"))
    train = examples(["good", "bad"] * 3, "classification", TEXTS)
    predictions, size = predict_tfidf(labels, train, train, np.arange(6) // 2)
    # two symmetric rows of weights have half the penalty of one
    regression = LogisticRegression(C=20, tol=1e-8).fit(expected, [1, 0] * 3)
    np.testing.assert_allclose(predictions, regression.predict_proba(expected), atol=2e-3)
    assert size == 2 * len(order)


def test_the_majority_has_the_shares_of_the_labels() -> None:
    labels = LabelSet("classification", ("a", "b"))
    train = examples(["a", "a", "a", "b"], "classification")
    assert predict_majority(labels, train, train).tolist()[0] == [0.75, 0.25]


def test_texts_without_a_repeated_word_have_no_tfidf() -> None:
    labels = LabelSet("classification", ("a", "b"))
    train = examples(["a", "b"], "classification", ["one", "two"])
    assert predict_tfidf(labels, train, train, np.arange(2))[1] == 0
