"""The similarity of vectors: four measures, of all pairs or of given pairs; larger is nearer.

Distances are negative, as in sentence-transformers. Tensors of torch give tensors, on their device
and with their gradients; everything else gives numpy arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.engine.pooling import normalize
from albertkit.errors import InputError
from albertkit.spec.pooling_config import Similarity
from albertkit.tasks.vector_types import is_tensor, to_array, to_tensor

if TYPE_CHECKING:
    import torch


@overload
def similarity(
    left: torch.Tensor, right: torch.Tensor | npt.ArrayLike, measure: Similarity = ...
) -> torch.Tensor: ...
@overload
def similarity(
    left: npt.ArrayLike, right: npt.ArrayLike, measure: Similarity = ...
) -> FloatArray: ...
def similarity(left: Any, right: Any, measure: Similarity = "cosine") -> Any:
    """Every vector of `left` with every vector of `right`.

    Args:
        left: [N, D], or one vector [D]: arrays, lists or tensors.
        right: [M, D], or one vector [D].
        measure: The measure.

    Returns:
        [N, M]; a tensor if either is one.

    Raises:
        InputError: [inputs-shape] for vectors of two widths, [option-invalid] for texts.
    """
    if is_tensor(left) or is_tensor(right):
        from albertkit.model.tensor_similarity import tensor_similarity  # torch is there

        x, y = _make_tensor_pair(left, right)
        if not (len(x) and len(y)):
            return x.new_empty((len(x), len(y)))
        return tensor_similarity(x, y, measure)
    a, b = _read_rows(left, "left"), _read_rows(right, "right")
    _check_widths(a.shape, b.shape)
    if not (len(a) and len(b)):
        return np.empty((len(a), len(b)), np.float32)
    match measure:
        case "cosine":
            return normalize(a) @ normalize(b).T
        case "dot":
            return a @ b.T
        case _:
            # row by row: a² + b² - 2ab would lose the digits of near vectors
            rows = [_compute_negative_distance(row[None], b, measure) for row in a]
            return np.stack(rows)


def similarity_pairwise(left: Any, right: Any, measure: Similarity = "cosine") -> Any:
    """The first vector of `left` with the first of `right`, and so on.

    Args:
        left: [N, D], or one vector [D]: arrays, lists or tensors.
        right: The same shape.
        measure: The measure.

    Returns:
        [N]; a tensor if either is one.

    Raises:
        InputError: [inputs-shape] for two shapes, [option-invalid] for texts.
    """
    if is_tensor(left) or is_tensor(right):
        from albertkit.model.tensor_similarity import tensor_similarity_pairwise

        x, y = _make_tensor_pair(left, right)
        _check_partners(x.shape, y.shape)
        if not len(x):
            return x.new_empty(0)
        return tensor_similarity_pairwise(x, y, measure)
    a, b = _read_rows(left, "left"), _read_rows(right, "right")
    _check_partners(a.shape, b.shape)
    if not len(a):
        return np.empty(0, np.float32)
    match measure:
        case "cosine":
            a, b = normalize(a), normalize(b)
        case "dot":
            pass
        case _:
            return _compute_negative_distance(a, b, measure)
    products: FloatArray = np.sum(a * b, axis=-1)
    return products


def _read_rows(value: npt.ArrayLike, name: str) -> FloatArray:
    array = to_array(value, name).astype(np.float32, copy=False)
    if array.ndim not in {1, 2}:
        raise InputError(
            "inputs-shape",
            f"{name} has the shape {list(array.shape)}",
            why="vectors are an array [N, D], or one vector [D]",
            fix="Give the vectors as encode returns them",
        )
    if array.ndim == 1:  # one vector, or as encode gives it for an empty list
        return array[None] if len(array) else array.reshape(0, 0)
    return array


def _make_tensor_pair(left: object, right: object) -> tuple[torch.Tensor, torch.Tensor]:
    """Both as tensors [N, D] of one type on one device."""
    from albertkit.model.tensor_similarity import match_tensors

    sides = []
    for name, side in (("left", left), ("right", right)):
        rows = side if is_tensor(side) else to_tensor(_read_rows(side, name))  # type: ignore[arg-type]  # it is checked
        sides.append(rows if rows.shape != (0,) else rows.reshape(0, 0))
    a, b = match_tensors(*sides)
    _check_widths(a.shape, b.shape)
    return a, b


def _check_widths(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    if left[0] and right[0] and left[-1] != right[-1]:
        raise InputError(
            "inputs-shape",
            f"left has vectors of {left[-1]} numbers, right of {right[-1]}",
            why="only vectors of one width can be compared",
            fix="Take vectors of one model and one truncate_dim",
        )


def _check_partners(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    if left != right and (left[0] or right[0]):
        raise InputError(
            "inputs-shape",
            f"left has the shape {list(left)}, right {list(right)}",
            why="each vector has one partner",
            fix="Give as many of both, or call similarity for all pairs",
        )


def _compute_negative_distance(a: FloatArray, b: FloatArray, measure: Similarity) -> FloatArray:
    order = 1 if measure == "manhattan" else 2
    distances: FloatArray = np.linalg.norm(a - b, ord=order, axis=-1)
    return -distances
