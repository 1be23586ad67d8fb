"""What every vocabulary offers: the table of its pieces, and the search for them in lines.

Three stand behind it: SentencePieces (pieces.py), WordPieces (wordpiece.py) and ForeignPieces
(foreign.py, a tokenizer.json whose rules we do not know).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from albertkit.tokenization.encodings import FlatPieces
from albertkit.tokenization.policy import TokenizerPolicy
from albertkit.tokenization.special_tokens import SpecialIds, SpecialNames, find_specials


@dataclass(frozen=True, slots=True)
class LinePiece:
    """One piece of a line: line[begin:end] is what it stands for, without the space before it."""

    id: int
    name: str
    begin: int
    end: int


class PieceTable:
    """Piece ↔ id, and which pieces are special.

    names: [V] piece n has id n. where: what messages call the file.
    Raises FormatError where a special piece is missing.
    """

    def __init__(self, names: Sequence[str], special_names: SpecialNames, where: str) -> None:
        self.names = tuple(names)
        self.ids = dict(zip(self.names, range(len(self.names)), strict=True))
        self.special_names = special_names
        self.specials: SpecialIds = find_specials(special_names, self.ids, where)

    def __len__(self) -> int:
        return len(self.names)

    def id_of(self, name: str) -> int:
        """The id of a piece; the unknown piece's where there is none of this name."""
        return self.ids.get(name, self.specials.unk)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the pieces in their order, by which two vocabularies are told apart."""
        return hashlib.sha256("\0".join(self.names).encode()).hexdigest()[:16]


class Vocabulary(Protocol):
    """Pieces, and the search for them in normalised lines."""

    @property
    def table(self) -> PieceTable:
        """The pieces and their ids."""

    @property
    def collapsing(self) -> str:
        """The whitespace characters that must be collapsed before a line comes here."""

    def encode_lines(self, lines: Sequence[str], *, prefixed: bool = True) -> FlatPieces:
        """The ids of each line; prefixed: whether a line begins a word."""

    def encode_aligned(self, line: str, *, prefixed: bool = True) -> list[LinePiece]:
        """The pieces of one line and where they stand in it."""

    def text_of(self, names: Sequence[str]) -> str:
        """The text that a run of pieces stands for."""

    def files(self) -> dict[str, bytes]:
        """The files that hold this vocabulary, by name."""


@dataclass(frozen=True, slots=True)
class Found:
    """A vocabulary, and how its texts are to be read."""

    vocabulary: Vocabulary
    policy: TokenizerPolicy
    reason: str  # why this policy, for people
    model_max_length: int | None = None
