"""Scores of labels are those of scikit-learn, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn

from albertkit.errors import InputError
from albertkit.evaluation import ConfusionMatrix, MultiLabelCounts

SEEDS = range(4)


def make_labels(seed: int, count: int = 200, labels: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Labels with errors; label 3 never occurs as a reference, label 4 not at all."""
    rng = np.random.default_rng(seed)
    references = rng.integers(0, labels - 2, count)
    wrong = rng.integers(0, labels - 1, count)
    return references, np.where(rng.random(count) < 0.6, references, wrong)


def confusion(references: np.ndarray, predictions: np.ndarray, labels: int = 5) -> ConfusionMatrix:
    matrix = ConfusionMatrix(labels)
    for part in np.array_split(np.arange(len(references)), 3):
        matrix.add(references[part], predictions[part].tolist())
    return matrix


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_of_single_labels_are_those_of_scikit_learn(seed: int) -> None:
    y, p = make_labels(seed)
    matrix = confusion(y, p)
    counts = matrix.label_counts()
    np.testing.assert_array_equal(matrix.counts, sklearn.confusion_matrix(y, p, labels=range(5)))
    assert matrix.total == 200
    assert matrix.accuracy == pytest.approx(sklearn.accuracy_score(y, p), abs=1e-12)
    assert matrix.matthews == pytest.approx(sklearn.matthews_corrcoef(y, p), abs=1e-12)
    precision, recall, f1, support = sklearn.precision_recall_fscore_support(
        y, p, labels=range(5), zero_division=0
    )
    np.testing.assert_allclose(counts.precision, precision, atol=1e-12)
    np.testing.assert_allclose(counts.recall, recall, atol=1e-12)
    np.testing.assert_allclose(counts.f1, f1, atol=1e-12)
    np.testing.assert_array_equal(counts.actual, support)
    for average in ("micro", "macro", "weighted"):
        expected = sklearn.f1_score(y, p, average=average, zero_division=0)
        assert counts.average_f1(average) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_of_several_labels_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, p = rng.random((50, 4)) < 0.4, rng.random((50, 4)) < 0.5
    counts = MultiLabelCounts(4)
    counts.add(y[:20], p[:20])
    counts.add(y[20:].astype(int), p[20:].astype(float))
    assert counts.total == 50
    assert counts.accuracy == pytest.approx(sklearn.accuracy_score(y, p), abs=1e-12)
    labels = counts.label_counts()
    np.testing.assert_allclose(
        labels.f1, sklearn.f1_score(y, p, average=None, zero_division=0), atol=1e-12
    )
    for average in ("micro", "macro", "weighted"):
        expected = sklearn.f1_score(y, p, average=average, zero_division=0)
        assert labels.average_f1(average) == pytest.approx(expected, abs=1e-12)


def test_constant_predictions_have_a_matthews_correlation_of_zero() -> None:
    assert confusion(np.array([0, 1, 1]), np.array([1, 1, 1]), 2).matthews == 0


def test_no_predictions_have_scores_of_zero() -> None:
    assert ConfusionMatrix(3).accuracy == 0
    assert ConfusionMatrix(3).label_counts().average_f1("micro") == 0
    assert MultiLabelCounts(3).accuracy == 0


@pytest.mark.parametrize(
    ("references", "predictions", "code"),
    [
        ([0, 1], [0], "inputs-shape"),
        ([0, 2], [0, 1], "label-out-of-range"),
        ([0, 1], [0, -1], "label-out-of-range"),
        ([0.5], [0], "label-out-of-range"),
        (["a"], ["a"], "label-out-of-range"),
    ],
)
def test_labels_that_do_not_exist_are_refused(
    references: list[int], predictions: list[int], code: str
) -> None:
    with pytest.raises(InputError, match=rf"\[{code}\]"):
        ConfusionMatrix(2).add(references, predictions)


def test_texts_with_another_number_of_labels_are_refused() -> None:
    with pytest.raises(InputError, match=r"\[inputs-shape\]"):
        MultiLabelCounts(3).add(np.zeros((2, 2)), np.zeros((2, 2)))
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        ConfusionMatrix(0)
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        ConfusionMatrix(2).label_counts().average_f1("mean")  # type: ignore[arg-type]
