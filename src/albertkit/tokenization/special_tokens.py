"""Special tokens written in a text: which are special, and what becomes of the text beside them.

A literal [MASK] has three readings (TokenizerPolicy.mask_rule):
exact   what pretraining saw, where a mask stands in the place of a piece: the text after it begins
        a word only where whitespace follows the mask ("[MASK]." → [MASK] . and not [MASK] ▁ .).
spaced  Hugging Face's: each stretch between special tokens is encoded as a text of its own.
text    nothing special: "[", "mask", "]" (google's and TF Hub's preprocessing).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from albertkit.tokenization.policy import TokenizerPolicy
from albertkit.tokenization.specials import SpecialNames


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
