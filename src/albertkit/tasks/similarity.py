"""How near vectors are: four measures, of all pairs or of one by one; larger is nearer.

In: arrays, lists or CPU tensors, [N, D] or one vector [D]. Distances come with a minus, as in
sentence-transformers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.errors import InputError
from albertkit.spec.pooling_config import Similarity
from albertkit.tasks.vector_steps import normalised


def similarity(
    left: npt.ArrayLike, right: npt.ArrayLike, measure: Similarity = "cosine"
) -> FloatArray:
    """Every vector of `left` [N, D] with every one of `right` [M, D] → [N, M]."""
    a, b = _rows(left), _rows(right)
    match measure:
        case "cosine":
            return normalised(a) @ normalised(b).T
        case "dot":
            return a @ b.T
        case _:
            # row by row: a² + b² - 2ab would lose the digits of near vectors
            rows = [_minus_distance(row[None], b, measure) for row in a]
            return np.stack(rows) if rows else np.empty((0, len(b)), np.float32)


def similarity_pairwise(
    left: npt.ArrayLike, right: npt.ArrayLike, measure: Similarity = "cosine"
) -> FloatArray:
    """The first of `left` with the first of `right`, and so on: [N, D] twice → [N]."""
    a, b = _rows(left), _rows(right)
    if a.shape != b.shape:
        raise InputError(
            "inputs-shape",
            f"left has the shape {list(a.shape)}, right {list(b.shape)}",
            why="each vector has one partner",
            fix="Give as many of both, or call similarity for all pairs",
        )
    match measure:
        case "cosine":
            a, b = normalised(a), normalised(b)
        case "dot":
            pass
        case _:
            return _minus_distance(a, b, measure)
    products: FloatArray = np.sum(a * b, axis=-1)
    return products


def _rows(given: npt.ArrayLike) -> FloatArray:
    array = np.asarray(given, np.float32)
    return array[None] if array.ndim == 1 else array


def _minus_distance(a: FloatArray, b: FloatArray, measure: Similarity) -> FloatArray:
    order = 1 if measure == "manhattan" else 2
    distances: FloatArray = np.linalg.norm(a - b, ord=order, axis=-1)
    return -distances
