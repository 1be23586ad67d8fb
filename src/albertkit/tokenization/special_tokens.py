"""Special and added tokens: their names and ids, and how a text that holds some is cut.

A literal [MASK] in a text has three readings (TokenizerPolicy.mask_rule):
exact   as in pretraining, where a mask replaces a piece: the text after it begins a word only if
        whitespace follows the mask ("[MASK]." → [MASK] . and not [MASK] ▁ .).
spaced  Hugging Face's: each part between special tokens is encoded as a text of its own.
text    nothing special: "[", "mask", "]" (google's and TF Hub's preprocessing).
Added tokens are always cut out of a text, and the part after one begins a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache

from albertkit.errors import FormatError
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
    normalized: bool = False  # searched in the normalised text (here: whatever its case)
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


@dataclass(frozen=True, slots=True)
class TextPart:
    """A part of a text: a special or added token, or the text between two of them."""

    text: str
    start: int  # in the whole text
    piece: str | None = None  # the token's name in the vocabulary; None: ordinary text
    prefixed: bool = True  # whether the part begins a word


@dataclass(frozen=True, slots=True)
class TextCutter:
    """Cuts special and added tokens out of texts; `pieces[n]` is what the nth group matches."""

    pieces: tuple[str, ...]
    pattern: re.Pattern[str] | None  # None: nothing is cut
    mask: str | None  # after this token a word may go on
    is_literal: bool  # whether the pattern matches the pieces themselves and nothing else

    def matches(self, text: str) -> bool:
        """Whether the text holds a token."""
        if self.is_literal:  # a search for strings is faster than one for a pattern
            return any(piece in text for piece in self.pieces)
        return self.pattern is not None and self.pattern.search(text) is not None

    def cut(self, text: str) -> list[TextPart]:
        """The text in parts, in order; empty parts are left out."""
        if self.pattern is None:
            return [TextPart(text, 0)] if text else []
        parts: list[TextPart] = []
        end, last = 0, None
        for match in self.pattern.finditer(text):
            parts += self._text_part(text, end, match.start(), last)
            last = self.pieces[(match.lastindex or 1) - 1]
            parts.append(TextPart(match[0], match.start(), last))
            end = match.end()
        return parts + self._text_part(text, end, len(text), last)

    def _text_part(self, text: str, start: int, end: int, last: str | None) -> list[TextPart]:
        if start == end:
            return []
        continues = self.mask is not None and last == self.mask and not text[start].isspace()
        return [TextPart(text[start:end], start, prefixed=not continues)]


@lru_cache(maxsize=16)
def build_cutter(
    policy: TokenizerPolicy, names: SpecialNames, added: tuple[AddedToken, ...] = ()
) -> TextCutter:
    """The cutter for a policy, the names of the special pieces, and added tokens."""
    specials: tuple[str, ...] = () if policy.mask_rule == "text" else (names.mask,)
    specials = names.all() if policy.specials_in_text else specials
    patterns = {name: re.escape(name) for name in specials}
    patterns |= {token.content: token.pattern(policy) for token in added}
    # The longest first: the tokenizers library takes the longest of those that match.
    pieces = tuple(sorted(patterns, key=len, reverse=True))
    return TextCutter(
        pieces,
        re.compile("|".join(f"({patterns[piece]})" for piece in pieces)) if pieces else None,
        names.mask if policy.mask_rule == "exact" else None,
        all(patterns[piece] == re.escape(piece) for piece in pieces),
    )
