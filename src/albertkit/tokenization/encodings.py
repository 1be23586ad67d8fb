"""Encodings: the ids of many texts in flat arrays, and one text's view of them.

T counts all ids of all N texts (special tokens included), one text after another, no padding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from albertkit.arrays import Int32Array, Int64Array


@dataclass(frozen=True, slots=True)
class Encoding:
    """One text's ids: views into the arrays of an Encodings."""

    ids: Int32Array  # [S]
    type_ids: Int32Array  # [S], 0 for the first text and its [SEP], 1 for the second
    offset_mapping: (
        Int64Array | None
    )  # [S, 2] begin and end in the original text; (0, 0) for specials
    dropped: int  # pieces that truncation cut off

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Encodings:
    """The ids of N texts; text n owns ids[starts[n]:starts[n + 1]]."""

    ids: Int32Array  # [T]
    type_ids: Int32Array  # [T]
    offsets: Int64Array  # [N + 1]
    dropped: Int64Array  # [N], pieces that truncation cut off each text
    offset_mapping: Int64Array | None = None  # [T, 2]
    words: Int32Array | None = None  # [T] number of the word in its text, -1 for specials

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, number: int) -> Encoding:
        here = slice(int(self.offsets[number]), int(self.offsets[number + 1]))
        return Encoding(
            self.ids[here],
            self.type_ids[here],
            None if self.offset_mapping is None else self.offset_mapping[here],
            int(self.dropped[number]),
        )

    def __iter__(self) -> Iterator[Encoding]:
        return (self[number] for number in range(len(self)))

    @property
    def lengths(self) -> Int64Array:
        """[N] ids of each text, specials included."""
        return self.offsets[1:] - self.offsets[:-1]
