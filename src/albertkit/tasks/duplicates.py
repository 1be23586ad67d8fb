"""Near-duplicates: each row that is as near as a threshold to an earlier row that is kept.

Input: vectors [N, D] of length 1. Output: for each row the kept row it is a duplicate of, and their
cosine. Kept rows are all less alike than the threshold, and a duplicate is never far from its kept
row, as it can be in chains (a near b near c). Rows are compared with kept rows only, and memory is
one number a row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.tasks.nearest import BLOCK_ROWS, QUERIES, Corpus, Ids


def unit_vectors(corpus: Corpus) -> FloatArray:
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
) -> tuple[Ids, FloatArray]:
    """Find the kept row that each row is a duplicate of.

    Args:
        unit: [N, D] of length 1. Overwritten: its beginning holds the kept vectors at the end.
        threshold: The least cosine of a duplicate.
        progress: Called with the number of finished rows.

    Returns:
        [N] the nearest kept row before each, or the row itself if it is kept; [N] the cosines, 1
        for kept rows.
    """
    count = len(unit)
    nearest: Ids = np.arange(count)
    scores: FloatArray = np.ones(count, np.float32)
    kept = np.empty(count, np.int64)  # the rows whose vectors are unit[:total]
    total = 0
    for begin in range(0, count, QUERIES):
        batch = unit[begin : begin + QUERIES].copy()
        rows = np.arange(len(batch))
        best = np.full(len(batch), -np.inf, np.float32)
        partner = np.zeros(len(batch), np.int64)
        for first in range(0, total, BLOCK_ROWS):
            block = batch @ unit[first : min(first + BLOCK_ROWS, total)].T  # [B, n]
            columns = block.argmax(axis=1)
            values = block[rows, columns]
            better = values > best
            best[better] = values[better]
            partner[better] = kept[first + columns[better]]
        own = batch @ batch.T  # [B, B]
        finite = np.isfinite(np.einsum("bd->b", batch))  # [B]
        new: list[int] = []  # rows of the batch that later ones are compared with
        for row in range(len(batch)):
            if new:
                mine = own[row, new]
                column = int(mine.argmax())
                if mine[column] > best[row]:
                    best[row], partner[row] = mine[column], begin + new[column]
            if best[row] >= threshold:
                nearest[begin + row], scores[begin + row] = partner[row], best[row]
            elif finite[row]:
                new.append(row)
        unit[total : total + len(new)] = batch[new]
        kept[total : total + len(new)] = begin + np.array(new, np.int64)
        total += len(new)
        if progress is not None:
            progress(len(batch))
    return nearest, scores


def group_duplicates(nearest: Ids) -> tuple[Ids, Ids]:
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
