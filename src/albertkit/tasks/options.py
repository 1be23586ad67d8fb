"""What one call of `encode` asks beside its texts: checked before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice, check_integer
from albertkit.tasks.vector_steps import normalised
from albertkit.tasks.vector_types import VECTOR_TYPES, Vectors, VectorType, dtype_of, width_of

OutputValue = Literal["sentence_embedding", "token_embeddings"] | None
OUTPUT_VALUES: tuple[OutputValue, ...] = (*get_args(get_args(OutputValue)[0]), None)


def as_it_is(array: Vectors) -> object:
    """numpy's array, where the caller wants that."""
    return array


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """prompt: put before each text. precision: the type of the vectors' numbers.

    kept: how many numbers of a vector, the first; None: all. as_asked: makes of numpy's array what
    the caller wants to have.
    """

    prompt: str = ""
    batch_size: int = 32
    output_value: OutputValue = "sentence_embedding"
    precision: VectorType = "float32"
    kept: int | None = None
    normalise: bool = False
    as_asked: Callable[[Vectors], object] = as_it_is

    def __post_init__(self) -> None:
        check_integer("batch_size", self.batch_size)
        if self.kept is not None:
            check_integer("truncate_dim", self.kept)
        check_choice("output_value", self.output_value, OUTPUT_VALUES)
        check_choice("precision", self.precision, VECTOR_TYPES)
        if self.precision != "float32" and self.output_value != "sentence_embedding":
            raise InputError(
                "option-invalid",
                f"precision is {self.precision!r}, output_value {self.output_value!r}",
                why="only vectors of whole texts can have another type than float32",
                fix="Leave one of the two out",
            )

    def finished(self, vectors: FloatArray) -> FloatArray:
        """Vectors [N, D] with as many numbers, and of the length, that are asked for."""
        if self.kept is not None:
            vectors = np.ascontiguousarray(vectors[:, : self.kept])
        return normalised(vectors) if self.normalise else vectors

    def no_vectors(self, dimensions: int) -> Vectors:
        """[0, D] of the type and length that vectors of so many dimensions get."""
        width = width_of(self.precision, min(dimensions, self.kept or dimensions))
        return np.empty((0, width), dtype_of(self.precision))


def refuse_elsewhere(device: object, pool: object) -> None:
    """sentence-transformers' words for where to compute, which is said when a model is opened.

    Raises InputError [option-invalid].
    """
    if device is not None and str(device) != "cpu":
        raise InputError(
            "option-invalid",
            f"device is {str(device)!r}",
            why="an embedder computes where it was opened",
            fix="Leave it out here, and give it to TextEmbedder",
        )
    if pool is not None:
        raise InputError(
            "option-invalid",
            "a pool of processes is given",
            why="one process uses all processors already",
            fix="Leave pool out",
        )
