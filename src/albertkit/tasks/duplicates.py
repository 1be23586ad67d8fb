"""Near-duplicates: each row that is as near as a threshold to an earlier row that is kept.

Input: vectors [N, D] of length 1. Output: for each row the kept row it is a duplicate of, and their
cosine. Kept rows are all less alike than the threshold, and a duplicate is never far from its kept
row, as it can be in chains (a near b near c). Rows are compared with kept rows only, and memory is
the vectors and a seventh more.

Few pairs are near, so a bound of the cosine is computed first, from an eighth of the numbers: with
the vectors turned so that their first numbers hold most of the variance, and the length of the rest
as one more number, a · b ≤ head(a) · head(b) + rest(a) rest(b) (Cauchy and Schwarz). Only pairs
whose bound reaches the threshold are computed in full, so the result is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.errors.arguments import check_cosine
from albertkit.tasks.nearest import BLOCK_ROWS, Corpus

HEAD_DIVISOR: Final = 8  # a head has one in so many of a vector's numbers
SAMPLE: Final = 10_000  # vectors from which the directions are taken
SLACK: Final = 1e-4  # a bound is computed in float32
CHECKED_ROWS: Final = 1024  # rows that are compared with the kept ones at a time
BOUND_ROWS: Final = 512  # kept rows at a time: the product is fastest in blocks of this form
ROUNDING: Final = 1e-6  # the cosine of two equal vectors may be so much below 1 in float32
# If one in so many pairs reaches the threshold, all are computed in full.
MANY_PAIRS_DIVISOR: Final = 32


def make_unit_vectors(corpus: Corpus) -> FloatArray:
    """All vectors as float32 [N, D] of length 1; those that are never a result become NaN."""
    result = np.empty((len(corpus), corpus.dimensions), np.float32)
    for begin, block in corpus.blocks():
        target = result[begin : begin + len(block)]
        target[:] = corpus.to_floats(block)
        with np.errstate(invalid="ignore", over="ignore"):
            lengths = np.sqrt(np.einsum("nd,nd->n", target, target))
            target /= np.where(lengths == 0, np.float32(1), lengths)[:, None]
    if corpus.valid is not None:
        result[~corpus.valid] = np.nan
    return result


def find_duplicates(
    unit: FloatArray, threshold: float, progress: Callable[[int], None] | None = None
) -> tuple[Int64Array, FloatArray]:
    """Find the kept row that each row is a duplicate of.

    Args:
        unit: [N, D] of length 1. Overwritten: its beginning holds the kept vectors at the end.
        threshold: The least cosine of a duplicate, -1 to 1; float32 may round it by ROUNDING.
        progress: Called with the number of finished rows.

    Returns:
        [N] the nearest kept row before each, or the row itself if it is kept; [N] the cosines, 1
        for kept rows.

    Raises:
        InputError: [option-invalid].
    """
    threshold = check_cosine("threshold", threshold) - ROUNDING
    count = len(unit)
    nearest: Int64Array = np.arange(count)
    scores: FloatArray = np.ones(count, np.float32)
    kept = np.empty(count, np.int64)  # the rows whose vectors are unit[:total]
    total = 0
    heads = _make_heads(unit)
    buffer = np.empty(CHECKED_ROWS * BOUND_ROWS, np.float32)
    for begin in range(0, count, CHECKED_ROWS):
        batch, batch_heads = (each[begin : begin + CHECKED_ROWS].copy() for each in (unit, heads))
        best = np.full(len(batch), -np.inf, np.float32)
        partner = np.zeros(len(batch), np.int64)
        for first in range(0, total, BOUND_ROWS):
            last = min(first + BOUND_ROWS, total)
            bounds = buffer[: len(batch) * (last - first)].reshape(len(batch), -1)  # [B, n]
            np.matmul(batch_heads, heads[first:last].T, out=bounds)
            candidates = np.flatnonzero(bounds >= threshold - SLACK)
            if not len(candidates):
                continue
            rows, columns = np.divmod(candidates, last - first)
            if len(rows) > bounds.size // MANY_PAIRS_DIVISOR:
                rows, columns = np.arange(len(batch)), (batch @ unit[first:last].T).argmax(axis=1)
            values = np.einsum("nd,nd->n", batch[rows], unit[first + columns])
            order = np.lexsort((columns, -values, rows))
            rows, firsts = np.unique(rows[order], return_index=True)
            values, columns = values[order[firsts]], columns[order[firsts]]
            better = values > best[rows]
            best[rows[better]] = values[better]
            partner[rows[better]] = kept[first + columns[better]]
        is_kept = best < threshold  # [B]
        own = batch @ batch.T  # [B, B]
        near = np.tril(own >= threshold, -1)  # each row and those before it
        for row in np.flatnonzero(near.any(axis=1)).tolist():
            others = np.flatnonzero(near[row] & is_kept)
            if not len(others):
                continue
            is_kept[row] = False
            other = others[own[row, others].argmax()]
            if own[row, other] > best[row]:
                best[row], partner[row] = own[row, other], begin + other
        removed = np.flatnonzero(~is_kept)
        nearest[begin + removed], scores[begin + removed] = partner[removed], best[removed]
        # rows with NaN stay, and are near to nothing
        new = np.flatnonzero(is_kept & np.isfinite(np.einsum("bd->b", batch)))
        unit[total : total + len(new)] = batch[new]
        heads[total : total + len(new)] = batch_heads[new]
        kept[total : total + len(new)] = begin + new
        total += len(new)
        if progress is not None:
            progress(len(batch))
    return nearest, scores


def _make_heads(unit: FloatArray) -> FloatArray:
    """The turned vectors' first numbers, and the length of the rest: [N, D / HEAD_DIVISOR + 1]."""
    size = max(1, unit.shape[1] // HEAD_DIVISOR)
    sample = unit[:: max(1, len(unit) // SAMPLE)]
    sample = sample[np.isfinite(sample).all(axis=1)]
    directions = np.linalg.eigh(sample.T @ sample)[1][:, -size:]  # [D, size] of most variance
    heads = np.empty((len(unit), size + 1), np.float32)
    for begin in range(0, len(unit), BLOCK_ROWS):
        block, target = unit[begin : begin + BLOCK_ROWS], heads[begin : begin + BLOCK_ROWS]
        np.matmul(block, directions, out=target[:, :size])
        head = target[:, :size]
        rest = np.einsum("nd,nd->n", block, block) - np.einsum("nd,nd->n", head, head)
        target[:, size] = np.sqrt(np.maximum(rest, 0))
    return heads


def group_duplicates(nearest: Int64Array) -> tuple[Int64Array, Int64Array]:
    """The rows of all groups: each kept row that has duplicates, followed by them.

    Args:
        nearest: [N], as `find_duplicates` gives it.

    Returns:
        [M] the number of each row's group, from 0 in the order of the kept rows; [M] the rows.
    """
    rows = np.arange(len(nearest))
    kept = np.unique(nearest[nearest != rows])
    ids = np.flatnonzero(np.isin(nearest, kept))
    groups = np.searchsorted(kept, nearest[ids])
    order = np.argsort(groups, kind="stable")  # the kept row has the smallest number of its group
    return groups[order], ids[order]
