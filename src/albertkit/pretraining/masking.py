"""Which pieces are masked, and by what: n-gram masking, drawn anew each time.

A word is a start piece with the pieces that follow it; one to three words are masked together,
shorter spans more often. Source: google-research/albert create_pretraining_data.py and ALBERT
paper §3.1. Unlike there, a span never reaches over a separator, replacements are never special
pieces, special pieces are not counted, and a cap on the predictions (20 there) is an option.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from albertkit.arrays import BoolArray, Int32Array, Int64Array
from albertkit.tokenization.tokenizer import AlbertTokenizer
from albertkit.tokenization.vocabulary import SpecialIds

# Spans of 1, 2, 3 words with p(n) ∝ 1/n: the cumulative probabilities.
SPAN_LIMITS = np.cumsum([6, 3]) / 11
MASKED_RATIO, KEPT_RATIO = 0.8, 0.1  # the rest becomes a random ordinary piece

PUNCTUATION = frozenset('!"#$%&()*+,-./:;?@[\\]^_`{|}~')  # google's list: ' is not in it
LETTERS = re.compile(r"[a-z]")


@dataclass(frozen=True, slots=True)
class MaskingVocabulary:
    """What masking needs of a vocabulary."""

    special_ids: SpecialIds
    starts_word: BoolArray  # [V]
    is_special: BoolArray  # [V]
    ordinary_ids: Int32Array  # [K], the pieces that may replace a masked one

    @classmethod
    def from_tokenizer(cls, tokenizer: AlbertTokenizer) -> MaskingVocabulary:
        """Read special ids and word starts from the tokenizer."""
        pieces = tokenizer.convert_ids_to_tokens(range(tokenizer.vocab_size))
        is_special = np.zeros(len(pieces), bool)
        is_special[tokenizer.all_special_ids] = True
        return cls(
            tokenizer.vocabulary.table.specials,
            start_pieces(pieces),
            is_special,
            np.flatnonzero(~is_special).astype(np.int32),
        )


@dataclass(frozen=True, slots=True)
class MaskedSequence:
    """A sequence with some pieces masked."""

    ids: Int32Array  # [S], what the model reads
    positions: Int64Array  # [P] of the masked pieces, rising
    labels: Int32Array  # [P], the ids before masking


def start_pieces(pieces: Sequence[str]) -> BoolArray:
    """Whether each piece of a vocabulary starts a word, by google's rules: [V].

    In a WordPiece vocabulary each piece without `##` starts a word.
    """
    if any(piece.startswith("▁") for piece in pieces):
        return np.array([_is_start(piece) for piece in pieces])
    return np.array([not piece.startswith("##") for piece in pieces])


def _is_start(piece: str) -> bool:
    if piece.startswith(("▁", "<")) or piece in PUNCTUATION:
        return True
    return any(not LETTERS.match(c.lower()) and c not in PUNCTUATION for c in piece)


def mask_pieces(
    ids: Int32Array,
    vocabulary: MaskingVocabulary,
    rng: np.random.Generator,
    mlm_probability: float = 0.15,
    max_predictions: int = 0,
) -> MaskedSequence:
    """Mask about `mlm_probability` of the pieces of one sequence.

    Args:
        ids: [S], with special pieces.
        vocabulary: of these ids.
        rng: draws the spans and the replacements.
        mlm_probability: of all pieces but special ones (which google's code counts too); at least
            one piece is masked if any word fits.
        max_predictions: the largest number of masked pieces; 0: no limit.
    """
    is_special = vocabulary.is_special[ids]
    budget = max(1, round(mlm_probability * (len(ids) - int(is_special.sum()))))
    if max_predictions:
        budget = min(budget, max_predictions)
    positions = _choose_positions(ids, vocabulary, rng, budget)
    labels = ids[positions]
    draws = rng.random(len(positions))
    replacements = rng.choice(vocabulary.ordinary_ids, len(positions))
    kept = np.where(draws < MASKED_RATIO + KEPT_RATIO, labels, replacements)
    masked_ids = ids.copy()
    masked_ids[positions] = np.where(draws < MASKED_RATIO, vocabulary.special_ids.mask, kept)
    return MaskedSequence(masked_ids, positions, labels)


def _choose_positions(
    ids: Int32Array, vocabulary: MaskingVocabulary, rng: np.random.Generator, budget: int
) -> Int64Array:
    """Positions of whole spans of words, at most `budget` pieces, rising."""
    special = vocabulary.is_special[ids]
    begins = vocabulary.starts_word[ids] | special
    begins[0] = True
    begins[1:] |= special[:-1]  # the piece after a separator starts a word
    starts = np.flatnonzero(begins)
    bounds = [*starts.tolist(), len(ids)]
    words = special[starts].tolist()  # whether a word is a special piece
    covered = bytearray(len(ids))
    spans = 1 + np.searchsorted(SPAN_LIMITS, rng.random(len(words)), side="right")
    order = rng.permutation(len(words))
    for number, count in zip(order.tolist(), spans[order].tolist(), strict=True):
        if budget <= 0:
            break
        start = bounds[number]
        last = min(number + count, len(words))
        while last > number and bounds[last] - start > budget:
            last -= 1  # a shorter span may fit
        end = bounds[last]
        if last == number or any(words[number:last]) or any(covered[start:end]):
            continue
        covered[start:end] = b"\1" * (end - start)
        budget -= end - start
    return np.flatnonzero(np.frombuffer(covered, np.uint8))
