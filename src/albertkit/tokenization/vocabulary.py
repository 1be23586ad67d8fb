"""What every vocabulary offers: the table of its pieces, and the search for them in lines.

Implementations: SentencePieces (pieces.py), WordPieces (wordpiece.py) and ForeignPieces
(tokenizer_json/foreign.py, for a tokenizer.json with rules of its own).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal, Protocol

from albertkit.errors import FormatError
from albertkit.tokenization.encodings import FlatPieces
from albertkit.tokenization.policy import TokenizerPolicy


@dataclass(frozen=True, slots=True)
class SpecialNames:
    """The names of the special pieces in a vocabulary."""

    pad: str = "<pad>"
    unk: str = "<unk>"
    cls: str = "[CLS]"
    sep: str = "[SEP]"
    mask: str = "[MASK]"

    def all(self) -> tuple[str, ...]:
        """The five names in the order of the fields."""
        return (self.pad, self.unk, self.cls, self.sep, self.mask)


BERT_NAMES = SpecialNames(pad="[PAD]", unk="[UNK]")


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """The ids of the special pieces."""

    pad: int
    unk: int
    cls: int
    sep: int
    mask: int

    def all(self) -> tuple[int, ...]:
        """The five ids in the order of the fields."""
        return (self.pad, self.unk, self.cls, self.sep, self.mask)


def find_specials(names: SpecialNames, ids: Mapping[str, int], where: str) -> SpecialIds:
    """Look up the ids of the special pieces; FormatError if the vocabulary lacks one."""
    for field in fields(names):
        name = getattr(names, field.name)
        if name not in ids:
            raise FormatError(
                "special-piece-missing",
                f"the vocabulary has no piece {name!r} ({field.name})",
                why="an ALBERT model reads and writes that piece",
                fix="Give the vocabulary that belongs to the model",
                where=where,
            )
    return SpecialIds(*(ids[name] for name in names.all()))


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A token that was added to a finished vocabulary, with transformers' flags."""

    content: str
    id: int | None = None  # None: the next free id
    single_word: bool = False  # only between non-word characters
    lstrip: bool = False  # with the whitespace before it
    rstrip: bool = False  # with the whitespace after it
    normalized: bool = False  # searched in the normalized text (here: whatever its case)
    special: bool = False  # left out by decode(skip_special_tokens=True)

    def pattern(self, policy: TokenizerPolicy) -> str:
        """A regular expression for the token in a raw text."""
        text = re.escape(self.content)
        if self.normalized and not policy.keeps_case:
            text = f"(?i:{text})"
        if self.single_word:
            text = rf"(?<!\w){text}(?!\w)"
        before, after = (r"\s*" if strips else "" for strips in (self.lstrip, self.rstrip))
        return f"{before}{text}{after}"


Side = Literal["right", "left"]


@dataclass(frozen=True, slots=True)
class LinePiece:
    """One piece of a line: it stands for line[start:end], without the space before it."""

    id: int
    name: str
    start: int
    end: int


class PieceTable:
    """Piece ↔ id, and which pieces are special or added.

    Args:
        names: [V] piece n has id n. A name that repeats means its last id.
        special_names: how the vocabulary calls its special pieces.
        where: the file's name in error messages.
        added: tokens with ids after the others, or names that are pieces already.
        also_special: further pieces that are special.

    Raises:
        FormatError: [special-piece-missing]; [tokenizer-unsupported] for an added token whose id
            belongs to no row after the others.
    """

    def __init__(
        self,
        names: Sequence[str],
        special_names: SpecialNames,
        where: str,
        added: Iterable[AddedToken] = (),
        also_special: Iterable[str] = (),
    ) -> None:
        """Number the names and find the special pieces."""
        tokens = tuple(added)
        self.names = (*names, *append_added(names, tokens, where))
        # The policy decides what a special piece in a text means; the others are always cut out.
        self.added = tuple(token for token in tokens if token.content not in special_names.all())
        self.ids = dict(zip(self.names, range(len(self.names)), strict=True))
        self.special_names = special_names
        self._also_special = tuple(also_special)
        self.specials: SpecialIds = find_specials(special_names, self.ids, where)

    def __len__(self) -> int:
        """The number of pieces, added ones included."""
        return len(self.names)

    def id_of(self, name: str) -> int:
        """The id of a piece; the unknown piece's id if there is no such piece."""
        return self.ids.get(name, self.specials.unk)

    @property
    def special_pieces(self) -> tuple[str, ...]:
        """The special pieces and the added tokens that are special, in the order of their ids."""
        added = (token.content for token in self.added if token.special)
        names = {*self.special_names.all(), *added, *self._also_special}
        return tuple(sorted(names, key=self.ids.__getitem__))

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the pieces in their order: equal for equal vocabularies only."""
        return hashlib.sha256("\0".join(self.names).encode()).hexdigest()[:16]


def append_added(names: Sequence[str], added: Sequence[AddedToken], where: str) -> list[str]:
    """The names of the added tokens that are not pieces yet, in the order of their ids."""
    ids = dict(zip(names, range(len(names)), strict=True)) if added else {}
    new: list[str] = []
    for token in sorted(added, key=lambda token: (token.id is None, token.id or 0)):
        expected = ids.get(token.content, len(names) + len(new))
        if token.id not in (None, expected):
            raise FormatError(
                "tokenizer-unsupported",
                f"the added token {token.content!r} has the id {token.id}",
                why=f"the vocabulary file and the other added tokens give it {expected}",
                fix="Save the tokenizer again with transformers, or correct the id",
                where=where,
            )
        if token.content not in ids:
            ids[token.content] = expected
            new.append(token.content)
    return new


class Vocabulary(Protocol):
    """Pieces, and the search for them in normalized lines."""

    @property
    def table(self) -> PieceTable:
        """The pieces and their ids."""

    @property
    def collapsing(self) -> str:
        """The whitespace characters that the policy must collapse before a line is searched."""

    def encode_lines(self, lines: Sequence[str], *, prefixed: bool = True) -> FlatPieces:
        """The ids of each line; prefixed: whether a line begins a word."""

    def encode_aligned(self, line: str, *, prefixed: bool = True) -> list[LinePiece]:
        """The pieces of one line and their positions in it."""

    def text_of(self, names: Sequence[str]) -> str:
        """The text of a sequence of pieces."""

    def files(self) -> dict[str, bytes]:
        """The vocabulary files by name."""

    def with_added(self, added: Sequence[AddedToken]) -> Vocabulary:
        """The same vocabulary with these added tokens in place of its own."""


@dataclass(frozen=True, slots=True)
class TokenizerParts:
    """A vocabulary, and how its texts are read."""

    vocabulary: Vocabulary
    policy: TokenizerPolicy
    reason: str  # why this policy, in words
    model_max_length: int | None = None
    truncation_side: Side = "right"
    padding_side: Side = "right"
