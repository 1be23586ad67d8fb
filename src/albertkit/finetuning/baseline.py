"""Baselines that know no language: the most frequent label, and TF-IDF with logistic regression.

They show what a model must beat. They are measured and not kept.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from albertkit.arrays import BoolArray, Float64Array, Int64Array
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.linear_model import Loss, choose_strength, fit_linear
from albertkit.tokenization.encodings import concat_ranges

TOKEN = re.compile(r"(?u)\b\w\w+\b")  # scikit-learn's: words of two letters or more
MOST_FEATURES = 50_000
STRENGTHS = (0.1, 1.0, 10.0, 100.0)  # C of the logistic regression
CHOOSING_ROWS = 1000  # by which the strength is chosen, so that many rows take little more time
LOSSES: dict[str, Loss] = {
    "classification": "softmax",
    "multi-label": "sigmoid",
    "regression": "squared",
}


def predict_majority(labels: LabelSet, train: Examples, valid: Examples) -> Float64Array:
    """The share of each label (or the mean) in the training rows, for all validation rows."""
    mean = labels.one_hot(train).mean(0)  # [C]
    return np.tile(mean, (len(valid), 1))


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """A sparse matrix by rows (CSR): just the two products that a linear model needs.

    Attributes:
        values: [Z], the numbers that are not zero, row by row.
        columns: [Z].
        offsets: [N + 1]; row n owns values[offsets[n]:offsets[n + 1]].
        shape: (N, F).
    """

    values: Float64Array
    columns: Int64Array
    offsets: Int64Array
    shape: tuple[int, int]

    def __matmul__(self, dense: Float64Array) -> Float64Array:
        """[N, F] @ [F, K] → [N, K]."""
        products = self.values[:, None] * dense[self.columns]  # [Z, K]
        sums = np.concatenate([np.zeros((1, dense.shape[1])), np.cumsum(products, axis=0)])
        return np.asarray(sums[self.offsets[1:]] - sums[self.offsets[:-1]])

    def __getitem__(self, mask: BoolArray) -> SparseRows:
        """The rows for which a mask [N] is true."""
        counts = np.diff(self.offsets)[mask]
        own = concat_ranges(self.offsets[:-1][mask], counts)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return SparseRows(
            self.values[own], self.columns[own], offsets, (len(counts), self.shape[1])
        )

    @property
    def T(self) -> TransposedRows:  # noqa: N802  # numpy's name
        """The transposed matrix."""
        return TransposedRows(self)


@dataclass(frozen=True, slots=True, eq=False)
class TransposedRows:
    """The transposed matrix of SparseRows."""

    rows: SparseRows

    def __matmul__(self, dense: Float64Array) -> Float64Array:
        """[F, N] @ [N, K] → [F, K]."""
        own = self.rows
        row_numbers = np.repeat(np.arange(own.shape[0]), np.diff(own.offsets))
        return np.stack(
            [
                np.bincount(own.columns, own.values * column[row_numbers], own.shape[1])
                for column in dense.T
            ],
            axis=1,
        )


@dataclass(frozen=True, slots=True, eq=False)
class TfIdf:
    """Words and pairs of words → numbers by frequency, as scikit-learn's TfidfVectorizer.

    Attributes:
        numbers: Term → column.
        idf: [F].
    """

    numbers: dict[str, int]
    idf: Float64Array

    @classmethod
    def fit(cls, texts: list[str]) -> TfIdf:
        """Count in how many texts each term is; keep terms of two texts or more."""
        counts = Counter(term for text in texts for term in set(_list_terms(text)))
        frequent = [(term, n) for term, n in counts.most_common(MOST_FEATURES) if n > 1]
        numbers = {term: number for number, (term, _) in enumerate(frequent)}
        frequencies = np.array([n for _, n in frequent], np.float64)
        return cls(numbers, np.log((1 + len(texts)) / (1 + frequencies)) + 1)

    def transform(self, texts: list[str]) -> SparseRows:
        """The rows of texts, each of length 1; the frequency of a term counts by its logarithm."""
        values, columns, offsets = [], [], [0]
        for text in texts:
            own = Counter(self.numbers[t] for t in _list_terms(text) if t in self.numbers)
            keys = np.fromiter(own.keys(), np.int64, len(own))
            row = (1 + np.log(np.fromiter(own.values(), np.float64, len(own)))) * self.idf[keys]
            values.append(row / max(1e-12, float(np.linalg.norm(row))))
            columns.append(keys)
            offsets.append(offsets[-1] + len(own))
        shape = (len(texts), len(self.numbers))
        return SparseRows(np.concatenate(values), np.concatenate(columns), np.array(offsets), shape)


def _list_terms(text: str) -> list[str]:
    words = TOKEN.findall(text.lower())
    return words + [f"{left} {right}" for left, right in pairwise(words)]


def predict_tfidf(
    labels: LabelSet,
    train: Examples,
    valid: Examples,
    folds: Int64Array,
    row_weights: Float64Array | None = None,
) -> tuple[Float64Array, int]:
    """TF-IDF of words and pairs of words, with logistic regression (or ridge).

    Args:
        labels: The labels and their order.
        train: N training examples.
        valid: M validation examples.
        folds: [N], the fold of each training example; they choose the strength of the penalty.
        row_weights: [N]; None: all 1.

    Returns:
        The predictions [M, C] of the validation rows, and the numbers that the model has.
    """
    vectorizer = TfIdf.fit(train.texts())
    if not vectorizer.numbers:  # no word occurs twice
        return predict_majority(labels, train, valid), 0
    features = vectorizer.transform(train.texts())
    targets = labels.one_hot(train)
    loss, weights = LOSSES[labels.task], np.ones(len(train)) if row_weights is None else row_weights
    few = np.random.default_rng(0).permutation(len(train)) < CHOOSING_ROWS  # [N]
    strength, _ = choose_strength(
        features[few], targets[few], loss, STRENGTHS, folds[few], row_weights=weights[few]
    )
    model = fit_linear(features, targets, loss, strength, row_weights=row_weights)
    return model.probabilities(vectorizer.transform(valid.texts())), model.weight.size
