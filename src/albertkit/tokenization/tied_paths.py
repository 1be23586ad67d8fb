"""Which of two equally good divisions into pieces a SentencePiece of before 0.2.2 takes.

"eeeee" is e+ee+ee or ee+ee+e: the scores are the same numbers, added in another order. The library
keeps the best score of each place as a 32-bit float. Up to 0.2.1, which TensorFlow's preprocessor
contains, a candidate was compared with it *before* it was rounded itself; from 0.2.2 on, after.
Such ties are rare and leave a trace in either division: neighbours that commute (A B = B A, which
only powers of one string do), or three that read the same from both ends (A B C = C B A). Only
lines with such a place are searched again here; all others the library divides alike.
Source: sentencepiece unigram_model.cc `Model::EncodeOptimized`, 0.2.1 and 0.2.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from albertkit.arrays import Int32Array, Int64Array
from albertkit.fileformats.sentencepiece_model import SentencePieceModel

UNKNOWN_PENALTY = np.float32(10.0)  # below the worst piece. Source: unigram_model.cc kUnkPenalty


def rounded(value: float) -> float:
    """The nearest 32-bit float."""
    return float(np.float32(value))


@dataclass(slots=True)
class BestEnd:
    """The best way to a place: its score, where its last piece begins, and that piece's id."""

    score: float
    begin: int
    id: int


class TiedPathSearch:
    """The search for the best pieces as versions up to 0.2.1 do it; slow."""

    def __init__(self, model: SentencePieceModel) -> None:
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
        self.roots = numbered([root_of(piece) for piece in model.pieces])  # [V]
        self.ends = numbered([piece[0] + piece[-1] for piece in model.pieces])  # [V]

    def tied_lines(self, ids: Int32Array, offsets: Int64Array) -> list[int]:
        """The numbers of the lines in whose division a tie may hide.

        ids: [T] of the lines one after another. offsets: [N + 1].
        """
        roots, ends = self.roots[ids], self.ends[ids]
        commute = (roots[1:] == roots[:-1]) & (ids[1:] != ids[:-1])
        alike = (ends[2:] == ends[:-2]) & (ids[2:] != ids[:-2])
        triples = [at for at in np.flatnonzero(alike) if self.reads_both_ways(ids[at : at + 3])]
        places = np.concatenate([np.flatnonzero(commute), np.array(triples, np.int64)])
        lines = np.searchsorted(offsets, places, side="right") - 1
        return sorted(set(lines.tolist()))  # a place across two lines costs time, not truth

    def reads_both_ways(self, ids: Int32Array) -> bool:
        """Whether three pieces give the same text in the opposite order."""
        parts = [self.pieces[number] for number in ids]
        return "".join(parts) == "".join(reversed(parts))

    def divide(self, form: str) -> list[tuple[str, int]]:
        """(piece, id) of each piece of a line in the model's own form."""
        best: list[BestEnd | None] = [None] * (len(form) + 1)
        best[0] = BestEnd(0.0, 0, -1)
        for begin in range(len(form)):
            here = best[begin]
            if here is None:
                raise AssertionError("each character ends some piece, be it the unknown one")
            single = False
            for end in range(begin + 1, min(begin + self.longest, len(form)) + 1):
                known = self.scores.get(form[begin:end])
                if known is not None:
                    single = single or end == begin + 1
                    offer(best, end, known[1] + here.score, begin, known[0])
            if not single:
                score = rounded(self.unknown_score + here.score)
                offer(best, begin + 1, score, begin, self.unknown_id)
        return self.joined_unknown(form, best)

    def joined_unknown(self, form: str, best: list[BestEnd | None]) -> list[tuple[str, int]]:
        """The pieces from the last to the first, turned round; neighbouring unknowns are one."""
        found: list[tuple[str, int]] = []
        end = len(form)
        while end > 0:
            last = best[end]
            if last is None:
                raise AssertionError("a best way leads to each place")
            piece = form[last.begin : end]
            if found and found[-1][1] == last.id == self.unknown_id:
                found[-1] = piece + found[-1][0], last.id
            else:
                found.append((piece, last.id))
            end = last.begin
        return found[::-1]


def offer(best: list[BestEnd | None], end: int, score: float, begin: int, number: int) -> None:
    """Take a candidate that is better, unrounded, than the rounded best so far."""
    so_far = best[end]
    if so_far is None or score > so_far.score:
        best[end] = BestEnd(rounded(score), begin, number)


def root_of(piece: str) -> str:
    """The shortest string of which the piece is a power: "ha" of "haha"."""
    period = (piece + piece).index(piece, 1)
    return piece[:period]


def numbered(values: list[str]) -> Int32Array:
    """A number for each value, equal where they are equal."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int32)
