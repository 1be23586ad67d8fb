"""Tensors: NaN, constant or repeated ones, odd scales, untrained heads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.doctor.catalogue import find_symptom
from albertkit.doctor.examined import ExaminedModel
from albertkit.errors import Diagnostic
from albertkit.errors.exceptions import count_noun
from albertkit.spec import Weights
from albertkit.spec.heads import head
from albertkit.spec.parameters import WORD_TABLE

LEAST_ORDERED_PIECES = 2000  # below, the order of a vocabulary shows too little
LEAST_TRAINED = 0.15  # of the rank correlation; random rows give 1/√V, 0.02 at 2,000
BIAS = "predictions.bias"
USUAL_SCALE = (
    0.05,
    20.0,
)  # mean of a norm's scales: 0.7 to 2.4 in our models and in published ones
UNTRAINED_RATIO = 0.1  # how near to initializer_range the deviation of random weights is


def check_tensors(model: ExaminedModel) -> Iterator[Diagnostic]:
    """Look at every parameter once."""
    weights = model.weights
    if weights is None:
        return
    not_finite, constant = [], []
    digests: dict[bytes, str] = {}
    for name, shape in ((row.name, row.shape) for row in weights.table().stored):
        array = np.asarray(weights.arrays[name])
        if not np.isfinite(array).all():
            not_finite.append(name)
            continue
        is_matrix = len(shape) > 1 and array.size > 1
        is_scale = "LayerNorm.weight" in name or "layer_norm.weight" in name
        if (is_matrix and (array.max() == array.min())) or (is_scale and not array.any()):
            constant.append(name)
        elif is_matrix:
            digest = hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()
            if digest in digests:
                yield find_symptom("weights-repeated").diagnose(
                    model.weights_place(),
                    evidence=f"{array.size:,} numbers",
                    first=digests[digest],
                    second=name,
                )
            digests[digest] = name
        if is_scale and array.any():
            yield from _check_scale(model, name, float(np.abs(array).mean()))
    for code, names in (("weights-nan", not_finite), ("weights-constant", constant)):
        if names:
            yield find_symptom(code).diagnose(
                model.weights_place(),
                evidence=", ".join(names[:3]),
                count=count_noun(len(names), "tensor"),
                name=names[0],
            )
    yield from _check_heads(model, weights)
    yield from _check_order(model, weights)


def _check_scale(model: ExaminedModel, name: str, size: float) -> Iterator[Diagnostic]:
    low, high = USUAL_SCALE
    if not low <= size <= high:
        yield find_symptom("norms-unusual").diagnose(
            model.weights_place(),
            evidence=f"mean |scale| {size:.3g}",
            name=name,
            size=f"{size:.3g} on average",
            usual=f"{low} to {high}",
        )


def _check_heads(model: ExaminedModel, weights: Weights) -> Iterator[Diagnostic]:
    """Heads as they are initialized: deviation initializer_range, mean 0, biases exactly 0."""
    spread = weights.config.initializer_range
    for name in weights.heads:
        rows = head(name).parameters(weights.config)
        matrices = [row.name for row in rows if len(row.shape) == 2 and row.name in weights.arrays]
        biases = [
            row.name for row in rows if row.name.endswith(".bias") and row.name in weights.arrays
        ]
        if not matrices or not biases or any(np.any(weights.arrays[bias]) for bias in biases):
            continue
        deviation = float(np.std(weights.arrays[matrices[0]]))
        size = weights.arrays[matrices[0]].size
        tolerance = max(UNTRAINED_RATIO, 3 / np.sqrt(2 * size))
        if spread and abs(deviation / spread - 1) < tolerance:
            yield find_symptom("head-untrained").diagnose(
                f"{model.location}: {name}",
                evidence=f"{matrices[0]} has the deviation {deviation:.4f} of random weights "
                f"(initializer_range {spread:g}), all biases are 0",
                fix=f"Fine-tune it on examples, or leave the head {name} unused",
            )


def _check_order(model: ExaminedModel, weights: Weights) -> Iterator[Diagnostic]:
    """Word embeddings in another order than the bias of the masked LM, which has one per piece."""
    rows, bias = measure_row_order(weights), measure_bias_order(weights)
    if abs(rows) < LEAST_TRAINED <= abs(bias):
        yield find_symptom("word-rows-shuffled").diagnose(
            model.location,
            evidence=f"rank correlation of size and id {rows:.2f}, of the masked LM's bias and id "
            f"{bias:.2f}",
        )


def measure_row_order(weights: Weights) -> float:
    """How the sizes of the rows of the word embeddings follow the ids, -1 to 1.

    A vocabulary of SentencePiece is in the order of frequency, and training gives frequent pieces
    other sizes than rare ones; random rows follow nothing. 0 for small vocabularies.
    """
    return _rank_correlation(np.linalg.norm(weights.arrays[WORD_TABLE], axis=1))


def measure_bias_order(weights: Weights) -> float:
    """How the bias of the masked LM follows the ids, -1 to 1; 0 without that head."""
    if BIAS not in weights.arrays:
        return 0.0
    return _rank_correlation(np.asarray(weights.arrays[BIAS], np.float32))


def is_trained(weights: Weights) -> bool:
    """Whether the word embeddings or the masked LM look trained rather than random."""
    return max(abs(measure_row_order(weights)), abs(measure_bias_order(weights))) >= LEAST_TRAINED


def _rank_correlation(values: FloatArray) -> float:
    """Spearman's correlation of one value a piece with the piece's id."""
    if len(values) < LEAST_ORDERED_PIECES or not np.isfinite(values).all() or np.ptp(values) == 0:
        return 0.0  # equal values have no ranks: the bias of a new head is all zeros
    ranks = np.argsort(np.argsort(values))
    return float(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1])
