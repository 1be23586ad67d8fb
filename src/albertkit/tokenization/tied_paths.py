"""Choose between equally good divisions into pieces as SentencePiece before 0.2.2 does.

"eeeee" is e+ee+ee or ee+ee+e: the scores are the same numbers, added in another order. The library
keeps the best score of each position as a 32-bit float. Up to 0.2.1, which TensorFlow's
preprocessor contains, a candidate is compared with it *before* it is rounded itself; from 0.2.2 on,
after. Such ties are rare and can be seen in either division: neighbours that commute (A B = B A,
which only powers of one string do), or three that read the same from both ends (A B C = C B A).
Only lines with such a position are searched again here; the library divides all others alike.
Source: sentencepiece unigram_model.cc `Model::EncodeOptimized`, 0.2.1 and 0.2.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from albertkit.arrays import Int32Array, Int64Array
from albertkit.fileformats.sentencepiece_model import SentencePieceModel

UNKNOWN_PENALTY = np.float32(10.0)  # below the worst piece. Source: unigram_model.cc kUnkPenalty


def round_to_float32(value: float) -> float:
    """The nearest 32-bit float."""
    return float(np.float32(value))


@dataclass(slots=True)
class BestEnd:
    """The best division of a line up to a position: its score, its last piece's start and id."""

    score: float
    start: int
    id: int


class TiedPathSearch:
    """The search for the best pieces of versions up to 0.2.1; slow."""

    def __init__(self, model: SentencePieceModel) -> None:
        """Read the scores of the pieces."""
        normal = np.array([kind == "normal" for kind in model.types])
        lowest, highest = model.scores[normal].min(), model.scores[normal].max()
        self.unknown_id = model.ids_of("unknown")[0]
        self.unknown_score = float(lowest - UNKNOWN_PENALTY)
        self.longest = max(map(len, model.pieces))
        self.scores = {
            piece: (number, float(score))
            for number, (piece, score) in enumerate(zip(model.pieces, model.scores, strict=True))
            if normal[number]
        }
        for number in model.ids_of("user-defined"):
            piece = model.pieces[number]
            length = np.float32(len(piece.encode()))
            self.scores[piece] = number, float(length * highest) - 0.1
        self.pieces = model.pieces
        self.roots = number_values([find_root(piece) for piece in model.pieces])  # [V]
        self.ends = number_values([piece[0] + piece[-1] for piece in model.pieces])  # [V]

    def find_ties(self, ids: Int32Array, offsets: Int64Array) -> list[int]:
        """Find the lines that may have an equally good division.

        Args:
            ids: [T] of the lines, one after another.
            offsets: [N + 1].

        Returns:
            The numbers of the lines, in order.
        """
        roots, ends = self.roots[ids], self.ends[ids]
        commute = (roots[1:] == roots[:-1]) & (ids[1:] != ids[:-1])
        alike = (ends[2:] == ends[:-2]) & (ids[2:] != ids[:-2])
        triples = [i for i in np.flatnonzero(alike) if self.is_palindrome(ids[i : i + 3])]
        indices = np.concatenate([np.flatnonzero(commute), np.array(triples, np.int64)])
        lines = np.searchsorted(offsets, indices, side="right") - 1
        return sorted(set(lines.tolist()))  # an index across two lines costs time, nothing else

    def is_palindrome(self, ids: Int32Array) -> bool:
        """Whether three pieces give the same text in the opposite order."""
        parts = [self.pieces[number] for number in ids]
        return "".join(parts) == "".join(reversed(parts))

    def divide(self, form: str) -> list[tuple[str, int]]:
        """(piece, id) of each piece of a line in the model's own form."""
        best: list[BestEnd | None] = [None] * (len(form) + 1)
        best[0] = BestEnd(0.0, 0, -1)
        for start in range(len(form)):
            so_far = best[start]
            if so_far is None:
                raise AssertionError("every character ends a piece, if only the unknown one")
            has_single = False
            for end in range(start + 1, min(start + self.longest, len(form)) + 1):
                known = self.scores.get(form[start:end])
                if known is not None:
                    has_single = has_single or end == start + 1
                    offer(best, end, known[1] + so_far.score, start, known[0])
            if not has_single:
                score = round_to_float32(self.unknown_score + so_far.score)
                offer(best, start + 1, score, start, self.unknown_id)
        return self.trace_back(form, best)

    def trace_back(self, form: str, best: list[BestEnd | None]) -> list[tuple[str, int]]:
        """The pieces of the best division; neighbouring unknown characters become one piece."""
        pieces: list[tuple[str, int]] = []
        end = len(form)
        while end > 0:
            last = best[end]
            if last is None:
                raise AssertionError("every position has a best division")
            piece = form[last.start : end]
            if pieces and pieces[-1][1] == last.id == self.unknown_id:
                pieces[-1] = piece + pieces[-1][0], last.id
            else:
                pieces.append((piece, last.id))
            end = last.start
        return pieces[::-1]


def offer(best: list[BestEnd | None], end: int, score: float, start: int, number: int) -> None:
    """Keep a candidate whose unrounded score is better than the rounded best so far."""
    so_far = best[end]
    if so_far is None or score > so_far.score:
        best[end] = BestEnd(round_to_float32(score), start, number)


def find_root(piece: str) -> str:
    """The shortest string of which the piece is a power: "ha" of "haha"."""
    period = (piece + piece).index(piece, 1)
    return piece[:period]


def number_values(values: list[str]) -> Int32Array:
    """A number for each value; equal values have equal numbers."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int32)
