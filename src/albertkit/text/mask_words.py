"""Special tokens written in a text: which are special, and what becomes of the text beside them.

A literal [MASK] has three readings (TextPolicy.mask_rule):
exact   what pretraining saw, where a mask stands in the place of a piece: the text after it begins
        a word only where whitespace follows the mask ("[MASK]." → [MASK] . and not [MASK] ▁ .).
spaced  Hugging Face's: each stretch between special tokens is encoded as a text of its own.
text    nothing special: "[", "mask", "]" (google's and TF Hub's preprocessing).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from albertkit.text.policy import TextPolicy
from albertkit.text.specials import SpecialNames


@dataclass(frozen=True, slots=True)
class TextPart:
    """A stretch of a text: a special token, or text between such."""

    text: str
    begin: int  # in the whole text
    is_special: bool
    prefixed: bool = True  # whether it begins a word


def special_pattern(policy: TextPolicy, names: SpecialNames) -> re.Pattern[str] | None:
    """What is read as a special token; None where nothing is."""
    if policy.specials_in_text:
        words = names.all()
    elif policy.mask_rule != "text":
        words = (names.mask,)
    else:
        return None
    return re.compile("|".join(map(re.escape, words)))


def cut_at_specials(text: str, pattern: re.Pattern[str], policy: TextPolicy) -> list[TextPart]:
    """The text in parts, in order; parts without text are left out."""
    parts: list[TextPart] = []
    at = 0
    for match in pattern.finditer(text):
        parts += text_part(text, at, match.start(), policy)
        parts.append(TextPart(match[0], match.start(), True))
        at = match.end()
    return parts + text_part(text, at, len(text), policy)


def text_part(text: str, begin: int, end: int, policy: TextPolicy) -> list[TextPart]:
    """The stretch as a part, or nothing where it is empty."""
    if begin == end:
        return []
    continues = policy.mask_rule == "exact" and begin > 0 and not text[begin].isspace()
    return [TextPart(text[begin:end], begin, False, not continues)]
