"""The ragged mix of texts that the benchmarks measure: questions, sentences, a few paragraphs.

Lengths as measured on English text with a vocabulary of 30,000 pieces; the same for the same seed.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """share: of the texts. deciles: 0 to 100 % of their ids, [CLS] and [SEP] included."""

    share: float
    deciles: tuple[int, ...]


MIX: Final = {
    "questions": Kind(0.50, (9, 10, 10, 11, 11, 12, 12, 13, 13, 15, 27)),
    "sentences": Kind(0.35, (8, 15, 18, 21, 23, 26, 30, 34, 39, 46, 83)),
    "paragraphs": Kind(0.15, (42, 72, 97, 118, 141, 165, 198, 233, 290, 367, 512)),
}


def draw_lengths(count: int, seed: int = 0, kinds: Collection[str] = tuple(MIX)) -> list[int]:
    """Lengths in ids of `count` texts of these kinds."""
    rng = random.Random(seed)
    among = [MIX[name] for name in kinds]
    lengths = []
    for kind in rng.choices(among, [kind.share for kind in among], k=count):
        decile = rng.random() * 10
        low, high = kind.deciles[int(decile)], kind.deciles[int(decile) + 1]
        lengths.append(round(low + decile % 1 * (high - low)))
    return lengths
