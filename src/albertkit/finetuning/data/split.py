"""Split examples so that near duplicates are on one side, and each side has all labels.

A near duplicate of a training row in the validation rows would make the score too good.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.finetuning.data.examples import Examples

NEAR = 0.95  # cosine from which two texts count as near duplicates
# The mean cosine of two texts is 0.07 to 0.5 by small-en-vectors (TREC, AG News, SST-2, and
# texts of one pattern), 0.82 to 0.96 by small-en, which was not trained to compare texts: by
# such a model nearly all texts would be near duplicates of one another.
ALL_ALIKE = 0.6
COMPARED_ROWS = 1024  # rows that are compared with all others at a time
ALL_PAIRS = 20_000  # of more texts only those of equal hashes are compared
HASH_TABLES, HASH_BITS = 8, 12  # of the hashes: they find 93 % of the pairs at a cosine of 0.95
QUANTILES = 5  # strata of a regression


def find_near_duplicates(vectors: FloatArray, threshold: float = NEAR) -> Int64Array:
    """Find pairs of vectors that are nearly equal.

    Args:
        vectors: [N, D], of any length. If all of them point in similar directions, as those of an
            encoder that was only pretrained, their mean is subtracted before they are compared.
        threshold: The least cosine of a pair.

    Returns:
        [P, 2], numbers of vectors, the lower one first. For more than 20,000 vectors random
        hyperplanes decide which pairs are compared; a few pairs may be missed.
    """
    unit = _scale_to_unit(vectors)
    if len(unit) > 1 and _compute_mean_cosine(unit) > ALL_ALIKE:
        unit = _scale_to_unit(unit - unit.mean(0))
    everything = np.arange(len(unit))
    if len(unit) <= ALL_PAIRS:
        return _compare(unit, everything, threshold)
    rng = np.random.default_rng(0)
    centered = unit - unit.mean(0)
    pairs = []
    for _ in range(HASH_TABLES):
        planes = rng.normal(size=(unit.shape[1], HASH_BITS)).astype(np.float32)
        keys = (centered @ planes > 0) @ (1 << np.arange(HASH_BITS))
        order = np.argsort(keys, kind="stable")
        for bucket in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            pairs.append(_compare(unit, np.sort(bucket), threshold))
    return np.unique(np.concatenate(pairs), axis=0)


def _scale_to_unit(vectors: FloatArray) -> FloatArray:
    """The vectors with length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: FloatArray = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit


def _compute_mean_cosine(unit: FloatArray) -> float:
    """The mean cosine of two different rows of vectors of length 1."""
    total, N = unit.sum(0, dtype=np.float64), len(unit)
    return float((total @ total - N) / (N * (N - 1)))


def _compare(unit: FloatArray, numbers: Int64Array, threshold: float) -> Int64Array:
    """The pairs among these rows, [P, 2]."""
    pairs = [np.zeros((0, 2), np.int64)]
    own = unit[numbers]
    for first in range(0, len(own), COMPARED_ROWS):
        left, right = np.nonzero(own[first : first + COMPARED_ROWS] @ own[first:].T >= threshold)
        later = right > left
        pairs.append(numbers[first + np.stack([left[later], right[later]], axis=1)])
    return np.concatenate(pairs)


def make_clusters(count: int, pairs: Int64Array) -> Int64Array:
    """Number the groups that pairs connect.

    Args:
        count: N, the number of items.
        pairs: [P, 2].

    Returns:
        [N], the lowest number in each item's group.
    """
    parents = list(range(count))

    def root(item: int) -> int:
        while parents[item] != item:
            parents[item] = parents[parents[item]]
            item = parents[item]
        return item

    for left, right in pairs.tolist():
        low, high = sorted((root(left), root(right)))
        parents[high] = low
    return np.array([root(item) for item in range(count)], np.int64)


def make_strata(examples: Examples) -> list[str]:
    """A label for each example by which a split is balanced.

    The label itself; of several the rarest; of numbers their quintile; one for all other tasks.
    """
    labels = examples.labels
    if examples.task == "classification":
        return list(labels)
    if examples.task == "multi-label":
        counts = Counter(name for label in labels for name in label)
        return [min(label, key=counts.__getitem__) for label in labels]
    if examples.task == "regression":
        edges = np.quantile(labels, np.linspace(0, 1, QUANTILES + 1)[1:-1])
        return [str(n) for n in np.searchsorted(edges, labels)]
    return [""] * len(labels)


def assign_folds(clusters: Int64Array, strata: list[str], folds: int, seed: int) -> Int64Array:
    """Assign examples to folds of equal size: whole clusters, and each label evenly.

    A label of one cluster is in the last fold, so that fold 0 can be the validation rows.

    Args:
        clusters: [N].
        strata: [N] labels.
        folds: How many.
        seed: Of the random order.

    Returns:
        [N] fold numbers.
    """
    order = np.random.default_rng(seed).permutation(len(clusters)).tolist()
    members: dict[int, list[int]] = {}
    for item in order:
        members.setdefault(int(clusters[item]), []).append(item)
    counts = {label: [0] * folds for label in strata}
    totals = [0] * folds
    result = np.zeros(len(clusters), np.int64)
    for items in sorted(members.values(), key=len, reverse=True):
        own = Counter(strata[item] for item in items)
        main = own.most_common(1)[0][0]
        fold = min(range(folds), key=lambda n: (counts[main][n], totals[n], -n))
        for label, count in own.items():
            counts[label][fold] += count
        totals[fold] += len(items)
        result[items] = fold
    return result
