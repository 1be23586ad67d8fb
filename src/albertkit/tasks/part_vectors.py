"""The vectors of the parts of texts: one row a part, or the mean of each text's parts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.engine.pooling import normalize
from albertkit.errors import InputError
from albertkit.tasks.vector_types import PartVectors, VectorCast, Vectors

if TYPE_CHECKING:
    from albertkit.tokenization.parts import Parts


class TextSpan(NamedTuple):
    """A part of a text: text[start:end]."""

    text: str
    start: int
    end: int


def split_parts(windows: Sequence[PartVectors], cast: VectorCast) -> list[Vectors]:
    """The vectors of a list's parts, text by text.

    Args:
        windows: The answers to a list of texts.
        cast: Gives vectors their type; missing ranges are those of all vectors.

    Returns:
        [N] arrays [P, D], views of one array.
    """
    count = sum(len(window.vectors) for window in windows)
    vectors = cast.of_all((window.vectors for window in windows), count)
    ends = np.cumsum([size for window in windows for size in np.diff(window.parts.offsets)])
    return np.split(vectors, ends[:-1]) if len(ends) else []


def list_parts(parts: Parts) -> list[list[TextSpan]]:
    """The parts of each text."""
    records = list(map(TextSpan, parts.texts, parts.starts.tolist(), parts.ends.tolist()))
    return [records[begin:end] for begin, end in pairwise(parts.offsets.tolist())]


def refuse_pairs() -> InputError:
    """The error for pairs of texts that are to be cut into parts."""
    return InputError(
        "option-invalid",
        "the texts are pairs, and a chunk or truncation 'windows' is given",
        why="only single texts are cut into parts",
        fix="Give texts, or leave it out",
    )


def average_parts(vectors: FloatArray, parts: Parts, *, is_normalized: bool) -> FloatArray:
    """Average the vectors of each text's parts, each weighted by the part's characters.

    Args:
        vectors: [P, D].
        parts: The parts of N texts.
        is_normalized: Whether the vectors have length 1; their mean then gets it too.

    Returns:
        [N, D] float32; the vector of a text with one part is unchanged.
    """
    sizes = np.maximum(parts.ends - parts.starts, 1).astype(np.float64)  # [P]
    begins = parts.offsets[:-1]
    sums = np.add.reduceat(sizes, begins)[parts.text_numbers]  # [P]
    weights = (sizes / sums).astype(np.float32)[:, None]  # [P, 1]
    means: FloatArray = np.add.reduceat(vectors * weights, begins, axis=0)  # [N, D]
    has_several = np.diff(parts.offsets) > 1
    if is_normalized and has_several.any():
        means[has_several] = normalize(means[has_several])
    return means
