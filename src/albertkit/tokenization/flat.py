"""The pieces of many texts in flat arrays, before special tokens are put around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from albertkit.arrays import Int32Array, Int64Array


@dataclass(frozen=True, slots=True)
class FlatPieces:
    """The ids of N texts, T in all; text n owns ids[starts[n]:starts[n + 1]]."""

    ids: Int32Array  # [T]
    offsets: Int64Array  # [N + 1]
    offset_mapping: Int64Array | None = None  # [T, 2] begin and end in the original text
    words: Int32Array | None = None  # [T] number of the word that the piece belongs to

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def is_plain(self) -> bool:
        """Whether nothing is told of the pieces but their ids."""
        return self.offset_mapping is None and self.words is None

    @property
    def lengths(self) -> Int64Array:
        """[N]"""
        return self.offsets[1:] - self.offsets[:-1]  # np.diff is Python code


def starts_of(lengths: Sequence[int] | Int64Array) -> Int64Array:
    """[N + 1] the running sum of lengths [N], from 0."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def joined(parts: Sequence[FlatPieces]) -> FlatPieces:
    """The texts of all parts, one part after another; all have offsets (words) or none has."""
    if len(parts) == 1:
        return parts[0]
    offset_mapping = [part.offset_mapping for part in parts if part.offset_mapping is not None]
    words = [part.words for part in parts if part.words is not None]
    return FlatPieces(
        np.concatenate([part.ids for part in parts]) if parts else np.empty(0, np.int32),
        starts_of(np.concatenate([part.lengths for part in parts]) if parts else []),
        np.concatenate(offset_mapping) if offset_mapping else None,
        np.concatenate(words) if words else None,
    )


def stretches(begins: Int64Array, lengths: Int64Array) -> Int64Array:
    """The numbers begins[n], begins[n] + 1, … (lengths[n] of them) for all n, in one array."""
    ends = np.cumsum(lengths)
    return np.repeat(begins - (ends - lengths), lengths) + np.arange(ends[-1] if len(ends) else 0)
