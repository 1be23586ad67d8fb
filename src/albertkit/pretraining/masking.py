"""Which pieces are hidden, and by what: n-gram masking, drawn anew each time.

A word is a start piece with the pieces that follow it; one to three words are hidden together,
shorter spans more often. Source: google-research/albert create_pretraining_data.py and ALBERT
paper §3.1. Unlike there, a span never reaches over a separator, replacements are never special
pieces, and there is no cap of 20 predictions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from albertkit.pretraining.sentence_order import CLS, SEP

MASK = 4
FIRST_ORDINARY = 5  # ids below are <pad> <unk> [CLS] [SEP] [MASK]
# Spans of 1, 2, 3 words with p(n) ∝ 1/n.
SPAN_SHARES = np.array([6, 3, 2]) / 11
HIDDEN_SHARE, KEPT_SHARE = 0.8, 0.1  # the rest becomes a random piece

PUNCTUATION = frozenset('!"#$%&()*+,-./:;?@[\\]^_`{|}~')  # google's list: ' is not in it
LETTERS = re.compile(r"[a-z]")


@dataclass(frozen=True, slots=True)
class Masked:
    """A sequence with pieces hidden."""

    ids: npt.NDArray[np.int32]  # [S], what the model sees
    places: npt.NDArray[np.int64]  # [P], rising
    labels: npt.NDArray[np.int32]  # [P], what stood there


def start_pieces(pieces: Sequence[str]) -> npt.NDArray[np.bool_]:
    """[V] whether a piece begins a word, by google's rule."""
    return np.array([_is_start(piece) for piece in pieces])


def _is_start(piece: str) -> bool:
    if piece.startswith(("▁", "<")) or piece in PUNCTUATION:
        return True
    return any(not LETTERS.match(c.lower()) and c not in PUNCTUATION for c in piece)


def hide(
    ids: npt.NDArray[np.int32],
    begins_word: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    share: float = 0.15,
) -> Masked:
    """Hide about `share` of the pieces of one sequence.

    ids: [S] with special tokens. begins_word: [V] from `start_pieces`.
    """
    places = _choose(ids, begins_word, rng, max(1, round(share * len(ids))))
    labels = ids[places]
    dice = rng.random(len(places))
    random_pieces = rng.integers(FIRST_ORDINARY, len(begins_word), len(places))
    shown = np.where(
        dice < HIDDEN_SHARE, MASK, np.where(dice < HIDDEN_SHARE + KEPT_SHARE, labels, random_pieces)
    )
    seen = ids.copy()
    seen[places] = shown
    return Masked(seen, places, labels)


def _choose(
    ids: npt.NDArray[np.int32],
    begins_word: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    budget: int,
) -> npt.NDArray[np.int64]:
    """Places of whole spans of words, at most `budget` pieces, in rising order."""
    special = (ids == CLS) | (ids == SEP)
    starts = np.flatnonzero(begins_word[ids] | special | np.r_[True, special[:-1]])
    ends = np.r_[starts[1:], len(ids)]
    words = [(int(a), int(b), bool(special[a])) for a, b in zip(starts, ends, strict=True)]
    covered = np.zeros(len(ids), bool)
    left = budget
    spans = rng.choice(3, len(words), p=SPAN_SHARES) + 1
    for number in rng.permutation(len(words)):
        if left <= 0:
            break
        for count in range(int(spans[number]), 0, -1):
            span = words[number : number + count]
            begin, end = span[0][0], span[-1][1]
            if end - begin <= left and not any(word[2] for word in span):
                if not covered[begin:end].any():
                    covered[begin:end] = True
                    left -= end - begin
                break
    return np.flatnonzero(covered)
