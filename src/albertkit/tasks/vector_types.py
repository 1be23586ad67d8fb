"""What type the numbers of a vector have when they leave: float32, float16, bytes or bits.

The definitions are sentence-transformers' (quantize_embeddings of its version 6.2), float16 is
ours: the nearest half. A byte says in which of 256 equal steps between the least and the greatest
number of its dimension a number lies; a bit says whether it is above zero.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.errors import Diagnostic, InputError
from albertkit.errors.arguments import check_choice
from albertkit.errors.keywords import check_keywords

LOGGER = logging.getLogger(__name__)

VectorType = Literal["float32", "float16", "int8", "uint8", "binary", "ubinary"]
VECTOR_TYPES: tuple[VectorType, ...] = get_args(VectorType)
IN_STEPS: tuple[VectorType, ...] = ("int8", "uint8")  # those that need ranges
Vectors: TypeAlias = npt.NDArray[Any]  # of the dtype that a VectorType says

FEW = 100  # vectors, below which ranges are taken with a warning. Source: sentence-transformers
STEPS = 255
BLOCK = 4096  # vectors that are put into steps at a time, which takes double floats for a while


@dataclass(slots=True)
class VectorCast:
    """Gives vectors their type, window by window.

    ranges: [2, D], for int8 and uint8; None: those of the first vectors hold for all that follow.
    """

    kind: VectorType
    ranges: npt.NDArray[Any] | None = None

    def of(self, vectors: FloatArray) -> Vectors:
        """[N, D] → [N, D], or [N, ⌈D / 8⌉] for bits; raises as `quantize_embeddings` does."""
        if self.needs_ranges and len(vectors):
            self.ranges = ranges_of(vectors, self.kind)
        return as_type(vectors, self.kind, self.ranges)

    def of_all(self, windows: Iterable[FloatArray], count: int) -> Vectors:
        """The `count` vectors of a list as one array; ranges, where there are none, of them all."""
        if not self.needs_ranges:
            return joined(map(self.of, windows), count)
        vectors = joined(windows, count)
        if len(vectors):
            self.ranges = ranges_of(vectors, self.kind)
        blocks = (vectors[at : at + BLOCK] for at in range(0, len(vectors), BLOCK))
        return joined(map(self.of, blocks), count)

    @property
    def needs_ranges(self) -> bool:
        """Whether there are none yet that its numbers could be set against."""
        return self.kind in IN_STEPS and self.ranges is None


@check_keywords
def quantize_embeddings(
    embeddings: npt.ArrayLike,
    precision: VectorType,
    ranges: npt.ArrayLike | None = None,
    calibration_embeddings: npt.ArrayLike | None = None,
) -> Vectors:
    """Vectors [N, D] in another type: [N, D], or [N, ⌈D / 8⌉] for bits.

    ranges: [2, D], the least and greatest number of each dimension, for int8 and uint8; None: of
    calibration_embeddings, or of the vectors themselves. Numbers outside of the ranges become the
    nearest end (before its version 6 sentence-transformers let them wrap around).
    Raises InputError [option-invalid], [inputs-shape], and [ranges-missing] for a lone vector.
    """
    check_choice("precision", precision, VECTOR_TYPES)
    vectors = np.asarray(embeddings)
    if vectors.dtype.kind != "f":
        raise InputError(
            "option-invalid",
            f"the numbers of these vectors are {vectors.dtype}",
            why="only floats can be given another type",
            fix="Give the vectors as encode made them with precision float32",
        )
    cast = VectorCast(precision, None if ranges is None else np.asarray(ranges))
    if cast.needs_ranges and calibration_embeddings is not None:
        cast.ranges = ranges_of(calibration_embeddings, precision)
    return cast.of(vectors)


def joined(parts: Iterable[Vectors], count: int) -> Vectors:
    """One array of `count` vectors that come in parts, in no more memory than its own."""
    whole: Vectors = np.empty((0, 0), np.float32)
    at = 0
    for part in parts:
        if len(part) == count:
            whole = part
        else:
            if not at:
                whole = np.empty((count, *part.shape[1:]), part.dtype)
            whole[at : at + len(part)] = part
        at += len(part)
    return whole


def as_type(vectors: FloatArray, kind: VectorType, ranges: npt.NDArray[Any] | None) -> Vectors:
    """Vectors [N, D] or one [D] as `kind`; ranges: [2, D], for those in steps of N ≥ 1."""
    match kind:
        case "float32":
            return vectors.astype(np.float32, copy=False)
        case "float16":
            return vectors.astype(np.float16)
        case "ubinary":
            return np.packbits(vectors > 0, axis=-1)
        case "binary":
            # 128 less, modulo 256: the upper bit turned
            return (np.packbits(vectors > 0, axis=-1) ^ np.uint8(128)).view(np.int8)
        case _:
            steps = _steps(vectors, ranges)
            return steps if kind == "uint8" else (steps ^ np.uint8(128)).view(np.int8)


def dtype_of(kind: VectorType) -> np.dtype[Any]:
    """What numpy calls the numbers."""
    return np.dtype({"binary": "int8", "ubinary": "uint8"}.get(kind, kind))


def width_of(kind: VectorType, dimensions: int) -> int:
    """Numbers in a vector of `kind`: eight bits share one."""
    return -(-dimensions // 8) if kind in ("binary", "ubinary") else dimensions


def ranges_of(embeddings: npt.ArrayLike, kind: VectorType = "int8") -> FloatArray:
    """[2, D] the least and the greatest number of each dimension of [N, D].

    Raises InputError [ranges-missing] for fewer than two vectors; few are warned of.
    """
    vectors = np.asarray(embeddings)
    count = len(vectors) if vectors.ndim == 2 else 1
    if count < 2:
        raise InputError(
            "ranges-missing",
            f"the ranges of {kind} vectors would be taken from {count} vector",
            why="least and greatest number of each dimension would be the same",
            fix="Give more texts; in Python also ranges=, or calibration_embeddings=",
        )
    if count < FEW:
        LOGGER.warning(
            Diagnostic(
                "ranges-from-few-vectors",
                "warning",
                f"the ranges of {kind} vectors are taken from {count} vectors",
                why="other texts will lie outside of them, and are clipped",
                fix=f"Give {FEW} texts or more; in Python also ranges=, or calibration_embeddings=",
            ).line()
        )
    found: FloatArray = np.stack([vectors.min(axis=0), vectors.max(axis=0)]).astype(np.float32)
    return found


def _steps(vectors: FloatArray, ranges: npt.NDArray[Any] | None) -> npt.NDArray[np.uint8]:
    """[N, D] in which step each number lies, 0 to 255."""
    if ranges is None:
        return np.zeros(vectors.shape, np.uint8)  # of no vectors
    if ranges.shape != (2, vectors.shape[-1]):
        raise InputError(
            "inputs-shape",
            f"ranges has the shape {list(ranges.shape)}",
            why=f"the vectors have {vectors.shape[-1]} numbers, so it must be "
            f"[2, {vectors.shape[-1]}]",
            fix="Take the ranges of vectors of this model and truncate_dim",
        )
    least, greatest = ranges.astype(np.float32, copy=False)
    size = (greatest - least) / STEPS
    size = np.where(size == 0, 1, size)
    with np.errstate(over="ignore"):  # what lies infinitely many steps away is clipped too
        steps = np.clip(np.floor((vectors - least) / size), 0, STEPS)
    whole: npt.NDArray[np.uint8] = steps.astype(np.uint8)
    return whole
