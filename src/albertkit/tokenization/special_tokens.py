"""Special tokens written in a text: which are special, and what becomes of the text beside them.

A literal [MASK] has three readings (TokenizerPolicy.mask_rule):
exact   what pretraining saw, where a mask stands in the place of a piece: the text after it begins
        a word only where whitespace follows the mask ("[MASK]." → [MASK] . and not [MASK] ▁ .).
spaced  Hugging Face's: each stretch between special tokens is encoded as a text of its own.
text    nothing special: "[", "mask", "]" (google's and TF Hub's preprocessing).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from albertkit.errors import FormatError
from albertkit.tokenization.policy import TokenizerPolicy


@dataclass(frozen=True, slots=True)
class SpecialNames:
    """What a vocabulary calls its special pieces."""

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
    """The ids of the special pieces; FormatError where the vocabulary lacks one."""
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
class TextPart:
    """A stretch of a text: a special token, or text between such."""

    text: str
    begin: int  # in the whole text
    is_special: bool
    prefixed: bool = True  # whether it begins a word


def special_words(policy: TokenizerPolicy, names: SpecialNames) -> tuple[str, ...]:
    """What is read as a special token."""
    if policy.specials_in_text:
        return names.all()
    return () if policy.mask_rule == "text" else (names.mask,)


def cut_at_specials(text: str, words: Sequence[str], policy: TokenizerPolicy) -> list[TextPart]:
    """The text in parts, in order; parts without text are left out."""
    if not words:
        return text_part(text, 0, len(text), policy)
    parts: list[TextPart] = []
    at = 0
    for match in re.finditer("|".join(map(re.escape, words)), text):
        parts += text_part(text, at, match.start(), policy)
        parts.append(TextPart(match[0], match.start(), True))
        at = match.end()
    return parts + text_part(text, at, len(text), policy)


def text_part(text: str, begin: int, end: int, policy: TokenizerPolicy) -> list[TextPart]:
    """The stretch as a part, or nothing where it is empty."""
    if begin == end:
        return []
    continues = policy.mask_rule == "exact" and begin > 0 and not text[begin].isspace()
    return [TextPart(text[begin:end], begin, False, not continues)]
