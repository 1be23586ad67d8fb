"""The types that vectors can have: float32, float16, bytes or bits; arrays of numpy or of torch.

The definitions are sentence-transformers' (quantize_embeddings of its version 6.2). float16 is
ours: the nearest half. A byte is the number of one of 256 equal steps between the least and the
greatest value of its dimension; a bit is 1 if a value is above zero.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray, Int64Array
from albertkit.errors import Diagnostic, InputError, import_extra
from albertkit.errors.arguments import check_choice, check_keywords, describe_value
from albertkit.errors.exceptions import count_noun
from albertkit.tasks.options import VECTOR_TYPES, VectorType

if TYPE_CHECKING:
    import torch

    from albertkit.tokenization.parts import Parts

LOGGER = logging.getLogger(__name__)

PART_COLUMNS = ("row", "part", "start", "end")
IN_STEPS: tuple[VectorType, ...] = ("int8", "uint8")  # the types that need ranges
Vectors: TypeAlias = npt.NDArray[Any]  # of the dtype of a VectorType

# Ranges of fewer vectors are taken with a warning. Source: sentence-transformers
CALIBRATION_TEXTS = 100
STEPS = 255
QUANTIZED_ROWS = 4096  # vectors that are quantized at a time, which takes double floats meanwhile


@dataclass(slots=True)
class VectorCast:
    """Gives vectors their type, window by window.

    Attributes:
        kind: The type.
        ranges: [2, D], for int8 and uint8. None: those of the first vectors hold for all others.
    """

    kind: VectorType
    ranges: npt.NDArray[Any] | None = None

    def of(self, vectors: FloatArray) -> Vectors:
        """Cast vectors [N, D] → [N, D], or [N, ⌈D / 8⌉] for bits.

        Raises:
            InputError: As `quantize_embeddings`.
        """
        if self.needs_ranges and len(vectors):
            self.ranges = compute_ranges(vectors, self.kind)
        return convert_type(vectors, self.kind, self.ranges)

    def of_all(self, windows: Iterable[FloatArray], count: int) -> Vectors:
        """The `count` vectors of a list as one array; missing ranges are those of all vectors."""
        if not self.needs_ranges:
            return concat_vectors(map(self.of, windows), count)
        vectors = concat_vectors(windows, count)
        if len(vectors):
            self.ranges = compute_ranges(vectors, self.kind)
        blocks = (
            vectors[begin : begin + QUANTIZED_ROWS]
            for begin in range(0, len(vectors), QUANTIZED_ROWS)
        )
        return concat_vectors(map(self.of, blocks), count)

    @property
    def needs_ranges(self) -> bool:
        """Whether ranges are needed and not known yet."""
        return self.kind in IN_STEPS and self.ranges is None


@dataclass(frozen=True, slots=True)
class PartVectors:
    """The vectors of the parts of a window of N texts.

    Args:
        vectors: [P, D].
        parts: The parts.
    """

    vectors: Vectors
    parts: Parts

    @property
    def texts(self) -> int:
        """The number of texts."""
        return len(self.parts.offsets) - 1

    def columns(self, rows: Sequence[int] | None) -> dict[str, Int64Array]:
        """The columns that say where each part is.

        Args:
            rows: [N] the numbers of the texts, from 0. None: no column "row".

        Returns:
            PART_COLUMNS, [P] each: the number of its text's row (from 1, as in messages), its own
            number in the text (from 0), and its characters.
        """
        parts = self.parts
        columns = {"part": parts.part_numbers, "start": parts.starts, "end": parts.ends}
        if rows is None:
            return columns
        return {"row": np.array(rows, np.int64)[parts.text_numbers] + 1, **columns}


@check_keywords
def quantize_embeddings(
    embeddings: npt.ArrayLike,
    precision: VectorType,
    ranges: npt.ArrayLike | None = None,
    calibration_embeddings: npt.ArrayLike | None = None,
) -> Vectors:
    """Convert vectors to another number type.

    Numbers outside of the ranges are clipped (before version 6 sentence-transformers let them wrap
    around).

    Args:
        embeddings: [N, D] floats: arrays, lists or tensors of torch, of any precision.
        precision: The new type.
        ranges: [2, D], the smallest and the largest number of each dimension, for int8 and uint8.
            None: those of calibration_embeddings, or of the vectors themselves.
        calibration_embeddings: [M, D] vectors that ranges are taken from.

    Returns:
        [N, D], or [N, ⌈D / 8⌉] for bits; a numpy array, as sentence-transformers gives.

    Raises:
        InputError: [option-invalid], [inputs-shape], and [ranges-missing] for a single vector.
    """
    check_choice("precision", precision, VECTOR_TYPES)
    vectors = to_array(embeddings)
    if vectors.dtype.kind != "f":
        raise InputError(
            "option-invalid",
            f"the numbers of these vectors are {vectors.dtype}",
            why="only floats can be given another type",
            fix="Give the vectors as encode made them with precision float32",
        )
    cast = VectorCast(precision, None if ranges is None else to_array(ranges))
    if cast.needs_ranges and calibration_embeddings is not None:
        cast.ranges = compute_ranges(to_array(calibration_embeddings), precision)
    return cast.of(vectors)


def concat_vectors(parts: Iterable[Vectors], count: int) -> Vectors:
    """One array of `count` vectors that come in parts, in no more memory than its own."""
    result: Vectors = np.empty((0, 0), np.float32)
    offset = 0
    for part in parts:
        if len(part) == count:
            result = part
        else:
            if not offset:
                result = np.empty((count, *part.shape[1:]), part.dtype)
            result[offset : offset + len(part)] = part
        offset += len(part)
    return result


def convert_type(vectors: FloatArray, kind: VectorType, ranges: npt.NDArray[Any] | None) -> Vectors:
    """Vectors [N, D] or one [D] as `kind`; ranges: [2, D], for int8 and uint8 if N ≥ 1."""
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
            steps = _compute_steps(vectors, ranges)
            return steps if kind == "uint8" else (steps ^ np.uint8(128)).view(np.int8)


def get_dtype(kind: VectorType) -> np.dtype[Any]:
    """The dtype of numpy."""
    return np.dtype({"binary": "int8", "ubinary": "uint8"}.get(kind, kind))


def compute_width(kind: VectorType, dimensions: int) -> int:
    """Numbers of a vector: eight bits share one."""
    return -(-dimensions // 8) if kind in ("binary", "ubinary") else dimensions


def compute_ranges(vectors: npt.NDArray[Any], kind: VectorType = "int8") -> FloatArray:
    """The least and the greatest number of each dimension of vectors [N, D] → [2, D].

    Vectors with NaN or infinite numbers do not count.

    Raises:
        InputError: [ranges-missing] for fewer than two vectors. Few vectors get a warning.
    """
    count = len(vectors) if vectors.ndim == 2 else 1
    if count < 2:
        raise InputError(
            "ranges-missing",
            f"the ranges of {kind} vectors would be taken from {count_noun(count, 'vector')}",
            why="least and greatest number of each dimension would be the same",
            fix="Give more texts; in Python also ranges=, or calibration_embeddings=",
        )
    ranges: FloatArray = np.stack([vectors.min(axis=0), vectors.max(axis=0)]).astype(np.float32)
    if not np.isfinite(ranges).all():
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            return compute_ranges(vectors[finite], kind)
    if count < CALIBRATION_TEXTS:
        LOGGER.warning(
            Diagnostic(
                "ranges-from-few-vectors",
                "warning",
                f"the ranges of {kind} vectors are taken from {count} vectors",
                why="numbers of other texts will be outside of them, and are clipped",
                fix=f"Give {CALIBRATION_TEXTS} texts or more; in Python also ranges=, or "
                "calibration_embeddings=",
            ).line()
        )
    return ranges


def is_tensor(value: object) -> TypeGuard[torch.Tensor]:
    """Whether a value is a tensor of torch; does not import torch."""
    return hasattr(value, "detach") and hasattr(value, "cpu")


def to_array(value: npt.ArrayLike, name: str = "embeddings") -> npt.NDArray[Any]:
    """Numbers as a numpy array; tensors on any device, of bfloat16 or with gradients are read too.

    Raises:
        InputError: [option-invalid] for texts and for rows of several lengths.
    """
    if is_tensor(value):
        tensor = value.detach().cpu()
        return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    try:
        if isinstance(value, list | tuple) and any(map(is_tensor, value)):
            return np.stack([to_array(item) for item in value])
        array = np.asarray(value)
    except ValueError:
        array = np.array(None)
    if array.dtype.kind not in "fiub":
        raise InputError(
            "option-invalid",
            f"{name} is {describe_value(value)}",
            why="vectors are arrays of numbers, rows of one length",
            fix="Encode texts first, and give their vectors",
        )
    return array


def to_tensor(array: Vectors) -> torch.Tensor:
    """The array as a tensor of torch in the same memory.

    Raises:
        ResourceError: [extra-missing] without torch.
    """
    tensor: torch.Tensor = import_extra("torch", "convert_to_tensor=True").from_numpy(array)
    return tensor


def _compute_steps(vectors: FloatArray, ranges: npt.NDArray[Any] | None) -> npt.NDArray[np.uint8]:
    """The step of each number of vectors [N, D], 0 to 255."""
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
    # what is infinitely many steps away is clipped too; NaN has no step, and becomes any number
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.clip(np.floor((vectors - least) / size), 0, STEPS)
        whole: npt.NDArray[np.uint8] = steps.astype(np.uint8)
    return whole
