"""Whether probabilities can be taken at their word: reliability, expected calibration error.

A classifier is calibrated if, of all predictions with a probability of 0.8, four of five are right.
Dividing the logits by one number, the temperature, usually suffices.
Source: Guo et al. (2017), On Calibration of Modern Neural Networks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Float64Array
from albertkit.errors import InputError
from albertkit.errors.arguments import check_integer
from albertkit.evaluation.classification import check_labels, check_same_shape

LOG_TEMPERATURES = (-3.0, 3.0)  # searched: e^-3 to e^3; outside a model knows nothing, or all
GOLDEN = (5**0.5 - 1) / 2


class Reliability:
    """Predictions by their confidence, in bins of equal width that batches add to.

    Attributes:
        counts: [B], predictions of each bin. Bin b has confidences above b / B, up to (b + 1) / B.
        correct: [B], right ones among them.
        confidence_sums: [B], sums of their confidences.
    """

    def __init__(self, bins: int = 15) -> None:
        """Start with no predictions.

        Args:
            bins: B; the papers' habit is 15.

        Raises:
            InputError: [option-invalid].
        """
        size = check_integer("bins", bins)
        self.counts = np.zeros(size, np.int64)
        self.correct = np.zeros(size, np.int64)
        self.confidence_sums = np.zeros(size, np.float64)

    def add(self, confidences: npt.ArrayLike, is_correct: npt.ArrayLike) -> None:
        """Add a batch.

        Args:
            confidences: [N], the probability of each predicted label, 0 to 1.
            is_correct: [N] booleans.

        Raises:
            InputError: [inputs-shape], [option-invalid] for confidences outside of 0 to 1.
        """
        values, right = np.asarray(confidences, np.float64), np.asarray(is_correct, np.bool_)
        check_same_shape(values, right)
        if not ((values >= 0) & (values <= 1)).all():
            raise InputError(
                "option-invalid",
                "confidences has numbers outside of 0 to 1",
                why="a confidence is a probability",
                fix="Give softmax or sigmoid of the logits",
            )
        bins = len(self.counts)
        numbers = np.clip(np.ceil(values * bins).astype(np.int64) - 1, 0, bins - 1)
        self.counts += np.bincount(numbers, minlength=bins)
        self.correct += np.bincount(numbers[right], minlength=bins)
        self.confidence_sums += np.bincount(numbers, weights=values, minlength=bins)

    @property
    def expected_calibration_error(self) -> float:
        """The mean distance of confidence and accuracy, 0 to 1; NaN without predictions."""
        total = self.counts.sum()
        if not total:
            return float("nan")
        return float(np.abs(self.confidence_sums - self.correct).sum() / total)


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Find the number by which logits are divided, so that probabilities are calibrated.

    Args:
        logits: [N, C] of a single-label classifier, on rows that it was not trained with; or
            [N] or [N, C] of independent yes-or-no decisions, with labels of the same shape.
        labels: [N] integers from 0 to C - 1, or 0 and 1 in the shape of the logits.

    Returns:
        The temperature with the least cross entropy, from 0.05 to 20. Probabilities are
        softmax (or sigmoid) of logits / temperature. The predicted labels stay the same.

    Raises:
        InputError: [inputs-shape], [inputs-empty], [label-out-of-range].
    """
    x = np.asarray(logits, np.float64)
    y = np.asarray(labels)
    if not x.size:
        raise InputError("inputs-empty", "there are no logits", fix="Give at least one row")
    if x.shape != y.shape and (x.ndim != 2 or y.shape != x.shape[:1]):
        check_same_shape(y, x)
    if x.shape != y.shape:
        y = check_labels("labels", y, x.shape[1])
    low, high = LOG_TEMPERATURES

    def loss(log_temperature: float) -> float:
        scaled = x / np.exp(log_temperature)
        return (
            _compute_binary_loss(scaled, y)
            if x.shape == y.shape
            else _compute_softmax_loss(scaled, y)
        )

    # the loss is convex in 1 / temperature, so it has one minimum: golden-section search
    while high - low > 1e-6:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _compute_softmax_loss(logits: Float64Array, labels: npt.NDArray[Any]) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    chosen = np.take_along_axis(shifted, labels[:, None], axis=1)[:, 0]
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - chosen))


def _compute_binary_loss(logits: Float64Array, labels: npt.NDArray[np.generic]) -> float:
    return float(np.mean(np.logaddexp(0, logits) - logits * labels.astype(np.float64)))
