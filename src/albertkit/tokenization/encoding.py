"""Encodings: the ids of many texts in flat arrays, and one text's view of them.

T counts all ids of all N texts (special tokens included), one text after another, no padding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]
Starts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Encoding:
    """One text's ids: views into the arrays of an Encodings."""

    ids: Ids  # [S]
    type_ids: Ids  # [S], 0 for the first text and its [SEP], 1 for the second
    offsets: Starts | None  # [S, 2] begin and end in the original text; (0, 0) for specials
    dropped: int  # pieces that truncation cut off

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Encodings:
    """The ids of N texts; text n owns ids[starts[n]:starts[n + 1]]."""

    ids: Ids  # [T]
    type_ids: Ids  # [T]
    starts: Starts  # [N + 1]
    dropped: Starts  # [N], pieces that truncation cut off each text
    offsets: Starts | None = None  # [T, 2]
    words: Ids | None = None  # [T] number of the word in its text, -1 for specials

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, number: int) -> Encoding:
        here = slice(int(self.starts[number]), int(self.starts[number + 1]))
        return Encoding(
            self.ids[here],
            self.type_ids[here],
            None if self.offsets is None else self.offsets[here],
            int(self.dropped[number]),
        )

    def __iter__(self) -> Iterator[Encoding]:
        return (self[number] for number in range(len(self)))

    @property
    def lengths(self) -> Starts:
        """[N] ids of each text, specials included."""
        return self.starts[1:] - self.starts[:-1]
