"""The score of predictions, with its 95 % interval by bootstrap over the rows.

One measure a task: accuracy, micro F1 of labels or spans, F1 of answers, Spearman of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from albertkit.arrays import Float64Array
from albertkit.evaluation import spearman, token_f1
from albertkit.finetuning.data.columns import Task
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.tasks.tag_spans import read_spans

# Predictions of N examples: probabilities [N, C], numbers [N, 1] for regression, a list of tags, of
# answer texts, or of one array of probabilities for each example's choices.
Predictions: TypeAlias = "Float64Array | Sequence[Any]"

RESAMPLES = 1000
MEASURES: Mapping[Task, str] = MappingProxyType(
    {
        "classification": "accuracy",
        "multi-label": "F1",
        "regression": "Spearman",
        "tagging": "span F1",
        "question-answering": "F1",
        "multiple-choice": "accuracy",
    }
)
THRESHOLD = 0.5  # of a label's probability, for multi-label


@dataclass(frozen=True, slots=True)
class Score:
    """A score from 0 (-1 for Spearman) to 1, and the interval that holds 95 % of resamples."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    @property
    def margin(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2

    def is_within_noise_of(self, other: Score) -> bool:
        """Whether one interval holds the other's value."""
        return self.low <= other.value <= self.high or other.low <= self.value <= other.high


def compute_score(labels: LabelSet, examples: Examples, predictions: Predictions) -> Score:
    """Score predictions.

    Args:
        labels: The labels and their order.
        examples: N, with the right labels.
        predictions: Of these examples.
    """
    rng = np.random.default_rng(0)
    N = len(examples)
    samples = (rng.integers(0, N, N) for _ in range(RESAMPLES))  # one is in memory at a time
    if labels.task == "regression":
        right, own = np.array(examples.labels, np.float64), np.asarray(predictions)[:, 0]
        value = _correlate(right, own)
        values = [_correlate(right[sample], own[sample]) for sample in samples]
    else:
        statistics = STATISTICS[labels.task](labels, examples, predictions)  # [N, 2]
        value = _divide(statistics.sum(0))
        values = [_divide(statistics[sample].sum(0)) for sample in samples]
    low, high = np.quantile(values, [0.025, 0.975])
    return Score(value, float(low), float(high))


def _correlate(right: Float64Array, own: Float64Array) -> float:
    """Spearman's; 0 for constant predictions, which rank nothing."""
    value = spearman(right, own) if len(right) > 1 else 0.0
    return 0.0 if np.isnan(value) else value


def _divide(sums: Float64Array) -> float:
    return float(sums[0] / sums[1]) if sums[1] else 0.0


def choose_labels(labels: LabelSet, predictions: Predictions) -> list[Any]:
    """The predicted labels in the form of `Examples.labels`."""
    if labels.task == "classification":
        return [labels.names[n] for n in np.argmax(predictions, axis=1)]
    if labels.task == "multi-label":
        chosen = np.asarray(predictions) >= THRESHOLD
        return [tuple(np.array(labels.names)[row].tolist()) for row in chosen]
    if labels.task == "regression":
        return [float(row[0]) for row in predictions]
    if labels.task == "multiple-choice":
        return [int(np.argmax(row)) for row in predictions]
    return list(predictions)


def _count_right(labels: LabelSet, examples: Examples, predictions: Predictions) -> Float64Array:
    pairs = zip(examples.labels, choose_labels(labels, predictions), strict=True)
    return np.array([(float(right == own), 1.0) for right, own in pairs])


def _count_labels(labels: LabelSet, examples: Examples, predictions: Predictions) -> Float64Array:
    pairs = zip(examples.labels, choose_labels(labels, predictions), strict=True)
    return np.array([_count_overlap(set(right), set(own)) for right, own in pairs])


def _count_spans(labels: LabelSet, examples: Examples, predictions: Predictions) -> Float64Array:
    pairs = zip(examples.labels, predictions, strict=True)
    return np.array(
        [_count_overlap({*read_spans(right)}, {*read_spans(own)}) for right, own in pairs]
    )


def _count_overlap(right: set[Any], own: set[Any]) -> tuple[float, float]:
    """Numerator and denominator of F1."""
    return 2.0 * len(right & own), float(len(right) + len(own))


def _score_answers(labels: LabelSet, examples: Examples, predictions: Predictions) -> Float64Array:
    rows = []
    for answer, own in zip(examples.labels, predictions, strict=True):
        rows.append((max(token_f1(text, own) for text in answer.texts or ("",)), 1.0))
    return np.array(rows)


STATISTICS: Mapping[str, Callable[[LabelSet, Examples, Predictions], Float64Array]] = (
    MappingProxyType(
        {
            "classification": _count_right,
            "multi-label": _count_labels,
            "tagging": _count_spans,
            "question-answering": _score_answers,
            "multiple-choice": _count_right,
        }
    )
)
