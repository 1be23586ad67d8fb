"""Accuracy, precision, recall, F1 and Matthews correlation, from counts that batches add to.

Input: labels as integers. Output: scores from 0 to 1 (Matthews from -1). Only counts are kept, so
an evaluation of any length needs the memory of one batch. A score whose denominator is zero is 0,
as scikit-learn gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Float64Array, Int64Array
from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice, check_integer

Average = Literal["micro", "macro", "weighted"]


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Counts of each label, and the scores that follow from them.

    Attributes:
        correct: [C], predictions of the label that are right.
        predicted: [C], predictions of the label.
        actual: [C], references with the label.
    """

    correct: Int64Array
    predicted: Int64Array
    actual: Int64Array

    @property
    def precision(self) -> Float64Array:
        """The share of right ones among the predictions of each label [C]."""
        return _divide(self.correct, self.predicted)

    @property
    def recall(self) -> Float64Array:
        """The share of each label's references that were predicted [C]."""
        return _divide(self.correct, self.actual)

    @property
    def f1(self) -> Float64Array:
        """The harmonic mean of precision and recall of each label [C]."""
        return _divide(2 * self.correct, self.predicted + self.actual)

    def average_f1(self, average: Average = "macro") -> float:
        """F1 of all labels.

        Args:
            average: "micro" counts all labels together; "macro" is the mean over the labels that
                occur in references or predictions; "weighted" is the mean by number of references.

        Returns:
            0 to 1; 0 if no label occurs.

        Raises:
            InputError: [option-invalid].
        """
        check_choice("average", average, ("micro", "macro", "weighted"))
        total = self.predicted + self.actual
        if average == "micro":
            return float(_divide(2 * self.correct.sum(), total.sum()))
        weights = self.actual if average == "weighted" else (total > 0).astype(np.int64)
        return float(_divide(np.sum(self.f1 * weights), weights.sum()))


class ConfusionMatrix:
    """Counts of a single-label classifier.

    Attributes:
        counts: [C, C]; counts[i, j] references of label i were predicted as label j.
    """

    def __init__(self, num_labels: int) -> None:
        """Start with no predictions.

        Args:
            num_labels: C, at least 1.

        Raises:
            InputError: [option-invalid].
        """
        size = check_integer("num_labels", num_labels)
        self.counts: Int64Array = np.zeros((size, size), np.int64)

    def add(self, references: npt.ArrayLike, predictions: npt.ArrayLike) -> None:
        """Add a batch.

        Args:
            references: [N] integers from 0 to C - 1.
            predictions: [N] integers from 0 to C - 1.

        Raises:
            InputError: [inputs-shape], [label-out-of-range].
        """
        C = len(self.counts)
        actual = check_labels("references", references, C)
        predicted = check_labels("predictions", predictions, C)
        check_same_shape(actual, predicted)
        cells = np.bincount((C * actual + predicted).ravel(), minlength=C * C)
        self.counts += cells.reshape(C, C)

    @property
    def total(self) -> int:
        """Predictions in all."""
        return int(self.counts.sum())

    @property
    def accuracy(self) -> float:
        """The share of right predictions; 0 without predictions."""
        return float(_divide(np.trace(self.counts), self.counts.sum()))

    @property
    def matthews(self) -> float:
        """Matthews correlation, -1 to 1; 0 if all references or all predictions are one label.

        Source: Gorodkin (2004), the form for several labels; for two labels it is the usual one.
        """
        counts = self.counts.astype(np.float64)
        actual, predicted, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
        covariance = np.trace(counts) * total - actual @ predicted
        spread = (total**2 - predicted @ predicted) * (total**2 - actual @ actual)
        return float(covariance / np.sqrt(spread)) if spread > 0 else 0.0

    def label_counts(self) -> LabelCounts:
        """The counts by label, for precision, recall and F1."""
        counts = self.counts
        return LabelCounts(np.diagonal(counts).copy(), counts.sum(axis=0), counts.sum(axis=1))


class MultiLabelCounts:
    """Counts of a classifier that gives each text any number of labels."""

    def __init__(self, num_labels: int) -> None:
        """Start with no predictions.

        Args:
            num_labels: C, at least 1.

        Raises:
            InputError: [option-invalid].
        """
        size = check_integer("num_labels", num_labels)
        self._counts = LabelCounts(*(np.zeros(size, np.int64) for _ in range(3)))
        self.total = 0
        self._exact = 0

    def add(self, references: npt.ArrayLike, predictions: npt.ArrayLike) -> None:
        """Add a batch.

        Args:
            references: [N, C] booleans or 0 and 1.
            predictions: [N, C] booleans or 0 and 1.

        Raises:
            InputError: [inputs-shape].
        """
        actual, predicted = np.asarray(references) > 0, np.asarray(predictions) > 0
        check_same_shape(actual, predicted)
        counts = self._counts
        if actual.ndim != 2 or actual.shape[1] != len(counts.actual):
            raise InputError(
                "inputs-shape",
                f"references have the shape {list(actual.shape)}",
                why=f"there are {len(counts.actual)} labels, so it must be "
                f"[N, {len(counts.actual)}]",
                fix="Give 0 or 1 for each text and label",
            )
        counts.correct[:] += (actual & predicted).sum(axis=0)
        counts.predicted[:] += predicted.sum(axis=0)
        counts.actual[:] += actual.sum(axis=0)
        self._exact += int((actual == predicted).all(axis=1).sum())
        self.total += len(actual)

    @property
    def accuracy(self) -> float:
        """The share of texts whose labels are all right; 0 without texts."""
        return self._exact / self.total if self.total else 0.0

    def label_counts(self) -> LabelCounts:
        """The counts by label, for precision, recall and F1."""
        return self._counts


def check_same_shape(
    references: npt.NDArray[np.generic], predictions: npt.NDArray[np.generic]
) -> None:
    """Refuse predictions that are not as many as references.

    Raises:
        InputError: [inputs-shape].
    """
    if references.shape != predictions.shape:
        raise InputError(
            "inputs-shape",
            f"references have the shape {list(references.shape)}, "
            f"predictions {list(predictions.shape)}",
            why="each reference has one prediction",
            fix="Give as many of both",
        )


def check_labels(name: str, values: npt.ArrayLike, count: int) -> Int64Array:
    """Refuse what is no label.

    Args:
        name: of the argument, for the message.
        values: integers from 0 to `count` - 1.
        count: C.

    Raises:
        InputError: [label-out-of-range].
    """
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iub":
        raise InputError(
            "label-out-of-range",
            f"{name} are of the type {array.dtype}",
            why="a label is an integer",
            fix=f"Give the labels as 0 to {count - 1}",
        )
    wrong = array[(array < 0) | (array >= count)]
    if wrong.size:
        raise InputError(
            "label-out-of-range",
            f"a label of {name} is {wrong[0]}",
            why=f"there are {count} labels, 0 to {count - 1}",
            fix="Leave out rows without a label, and check the list of labels",
        )
    return array.astype(np.int64)


def _divide(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Float64Array:
    """The quotient; 0 where the denominator is 0."""
    top, bottom = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0)
