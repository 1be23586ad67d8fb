"""The ragged mix of texts that the benchmarks measure: questions, sentences, a few paragraphs.

Lengths as measured on English text with a vocabulary of 30,000 pieces; the same for the same seed.
"""

from __future__ import annotations

import random

# Share of the texts, and deciles 0 to 100 % of their ids, [CLS] and [SEP] included.
MIX = (
    (0.50, (9, 10, 10, 11, 11, 12, 12, 13, 13, 15, 27)),  # questions
    (0.35, (8, 15, 18, 21, 23, 26, 30, 34, 39, 46, 83)),  # sentences
    (0.15, (42, 72, 97, 118, 141, 165, 198, 233, 290, 367, 512)),  # paragraphs
)


def mixed_lengths(count: int, seed: int = 0) -> list[int]:
    """Lengths in ids of `count` texts."""
    chance = random.Random(seed)
    shares, kinds = zip(*MIX, strict=True)
    lengths = []
    for deciles in chance.choices(kinds, shares, k=count):
        at = chance.random() * 10
        low, high = deciles[int(at)], deciles[int(at) + 1]
        lengths.append(round(low + at % 1 * (high - low)))
    return lengths


def mixed_texts(count: int, words: list[str], seed: int = 0) -> list[str]:
    """Texts of random `words` of one piece each, in the lengths of the mix."""
    chance = random.Random(seed)
    return [" ".join(chance.choices(words, k=ids - 2)) for ids in mixed_lengths(count, seed)]
