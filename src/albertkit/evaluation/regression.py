"""Correlations of predicted numbers with the right ones: Pearson and Spearman.

A constant list has no correlation: the result is NaN, as scipy gives it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Float64Array
from albertkit.errors import InputError
from albertkit.evaluation.classification import check_same_shape


def pearson(references: npt.ArrayLike, predictions: npt.ArrayLike) -> float:
    """Pearson's correlation: whether one list is a linear function of the other.

    Args:
        references: [N] numbers, at least 2.
        predictions: [N] numbers.

    Returns:
        -1 to 1; NaN if all numbers of a list are equal.

    Raises:
        InputError: [inputs-shape].
    """
    x, y = _read_pair(references, predictions)
    return _correlate(x, y)


def spearman(references: npt.ArrayLike, predictions: npt.ArrayLike) -> float:
    """Spearman's correlation: Pearson's of the ranks; equal numbers share their mean rank.

    Args:
        references: [N] numbers, at least 2.
        predictions: [N] numbers.

    Returns:
        -1 to 1; NaN if all numbers of a list are equal.

    Raises:
        InputError: [inputs-shape].
    """
    x, y = _read_pair(references, predictions)
    if np.isnan(x).any() or np.isnan(y).any():
        return float("nan")
    return _correlate(_rank(x), _rank(y))


def _read_pair(
    references: npt.ArrayLike, predictions: npt.ArrayLike
) -> tuple[Float64Array, Float64Array]:
    x, y = np.asarray(references, np.float64), np.asarray(predictions, np.float64)
    check_same_shape(x, y)
    if x.ndim != 1 or len(x) < 2:
        raise InputError(
            "inputs-shape",
            f"references have the shape {list(x.shape)}",
            why="a correlation is of two lists of at least 2 numbers",
            fix="Give one number for each text",
        )
    return x, y


def _correlate(x: Float64Array, y: Float64Array) -> float:
    if not (x != x[0]).any() or not (y != y[0]).any():  # x - mean may be rounding, not 0
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    scale = np.linalg.norm(x) * np.linalg.norm(y)
    if not scale > 0:  # NaN too
        return float("nan")
    return float(np.clip(x @ y / scale, -1, 1))


def _rank(values: Float64Array) -> Float64Array:
    """The rank of each number, from 0; equal numbers share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts + 1) / 2)[inverse]
