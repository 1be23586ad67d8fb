"""Raw text → the string in which pieces are searched, by the rules of a TokenizerPolicy.

Input: texts. Output: as many lines. Many texts are joined by NUL and rewritten as one string,
because one call on a long string is much faster than many on short ones. No text affects its
neighbour: no step changes NUL, it is part of no decomposition, and neither cased nor
case-ignorable. Plain ASCII takes a shortcut: no form changes it, and it has no marks.
Source: google-research/albert tokenization.py `preprocess_text`; for tfhub, ICU's NFKC_Casefold.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import compress
from operator import not_

import numpy as np

from albertkit.tokenization.policy import TokenizerPolicy

NUL = "\0"
WHITESPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))  # U+3000 is the last
# Patterns stay strings, which are compiled at their first use: ALBERT's own policies need none.
CONTROLS = r"[\0-\x1f\x7f-\x9f]"
DROPPED_CONTROLS = r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]"
WORD = r"\S+"  # as str.split cuts a text
ASCII_PUNCTUATION = r"[!-/:-@\[-`{-~]"
# BERT's list of CJK blocks. Source: google-research/bert tokenization.py `_is_chinese_char`.
IDEOGRAPH = (
    "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b820-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f]"
)
# Unicode's Default_Ignorable_Code_Point, which NFKC_Casefold deletes.
DEFAULT_IGNORABLE = (
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)


def normalize(text: str, policy: TokenizerPolicy) -> str:
    """Rewrite one text by the rules of a policy.

    Args:
        text: any str.
        policy: the rules.

    Returns:
        The line in which pieces are searched; it may be empty.
    """
    if policy.folded_first:
        text = nfkc_casefold(text)
    if policy.controls_spaced:
        text = space_controls(text)
    if policy.controls_dropped:
        text = drop_controls(text)
    if policy.ideographs_spaced and not text.isascii():
        text = re.sub(IDEOGRAPH, r" \g<0> ", text)
    if policy.whitespace_collapsed:
        text = " ".join(text.split())
    return rewrite(text, policy)


def normalize_many(
    texts: Sequence[str], policy: TokenizerPolicy, collapsing: str = WHITESPACE
) -> list[str]:
    """Rewrite many texts, much faster than one by one.

    Args:
        texts: any str.
        policy: the rules.
        collapsing: the whitespace characters that must be collapsed here because the model's own
            normalizer does not; a text without them keeps its whitespace.

    Returns:
        `normalize` of each text, except whitespace that the model's normalizer collapses.
    """
    if policy.controls_dropped or policy.ideographs_spaced or policy.folded_first:
        return [normalize(text, policy) for text in texts]
    is_plain = list(map(str.isascii, texts))
    plain = iter(normalize_joined(list(compress(texts, is_plain)), policy, collapsing))
    other = iter(normalize_joined(list(compress(texts, map(not_, is_plain))), policy, collapsing))
    return [next(plain) if is_ascii else next(other) for is_ascii in is_plain]


def normalize_joined(texts: Sequence[str], policy: TokenizerPolicy, collapsing: str) -> list[str]:
    """The same for texts that are all plain ASCII, or none of them."""
    text = NUL.join(texts)
    if text.count(NUL) != len(texts) - 1:  # a text holds NUL itself, or there are no texts
        return [normalize(text, policy) for text in texts]
    if policy.whitespace_collapsed and holds_any(text, collapsing):
        lines = (" ".join(x.split()) if holds_any(x, collapsing) else x for x in texts)
        text = NUL.join(lines)
    return rewrite(text, policy).split(NUL)


def rewrite(text: str, policy: TokenizerPolicy) -> str:
    """Apply all steps after that for whitespace to one text, or to many joined by NUL."""
    if policy.quotes_rewritten:
        text = text.replace("``", '"').replace("''", '"')
    if not text.isascii():
        if policy.form != "kept":
            text = unicodedata.normalize(policy.form, text)
        text = drop_marks(text, policy)
    if policy.case == "lower":
        text = text.lower()
    elif policy.case == "nfkc_casefold":
        text = nfkc_casefold(text)
    return space_punctuation(text) if policy.punctuation_spaced else text


def holds_any(text: str, characters: str) -> bool:
    """Whether one of the characters is in the text; six searches are faster than a regex."""
    return any(map(text.__contains__, characters))


def drop_marks(text: str, policy: TokenizerPolicy) -> str:
    """The text without the combining marks that the policy drops."""
    if policy.marks == "kept":
        return text
    return drop_characters(text, lambda character: is_dropped_mark(character, policy))


def is_dropped_mark(character: str, policy: TokenizerPolicy) -> bool:
    """Whether the policy drops this character as a combining mark."""
    if policy.marks == "class":
        return unicodedata.combining(character) != 0
    return policy.marks == "category" and unicodedata.category(character) == "Mn"


def drop_characters(text: str, is_dropped: Callable[[str], bool]) -> str:
    """The text without the non-ASCII characters for which `is_dropped` is true.

    Each distinct character is tested once, however long the text is.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    distinct = np.unique(codes[codes > 0x7F])
    dropped = [code for code in distinct.tolist() if is_dropped(chr(code))]
    if not dropped:
        return text
    kept = codes[~np.isin(codes, np.array(dropped, np.uint32))]
    return kept.tobytes().decode("utf-32-le", "surrogatepass")


def drop_controls(text: str) -> str:
    """BERT's cleaning: without NUL, U+FFFD, Cc and Cf, except tab, line feed, carriage return."""
    text = re.sub(DROPPED_CONTROLS, "", text)
    if text.isascii():
        return text
    return drop_characters(text, lambda character: unicodedata.category(character) == "Cf")


def space_controls(text: str) -> str:
    """The text with a space for each character of the categories Cc and Cf."""
    text = re.sub(CONTROLS, " ", text)
    if text.isascii():
        return text
    hidden = "".join(c for c in set(text) if unicodedata.category(c) == "Cf")
    return text.translate(dict.fromkeys(map(ord, hidden), " "))


def nfkc_casefold(text: str) -> str:
    """Unicode's NFKC_Casefold of the text, in NFC."""
    if text.isascii():
        return text.lower()
    folded = "".join(map(casefold_character, text))
    return unicodedata.normalize("NFC", folded)


@lru_cache(maxsize=65_536)
def casefold_character(character: str) -> str:
    """NFKC_Casefold of one character: fold, normalize and delete until nothing changes."""
    while True:
        folded = unicodedata.normalize("NFKC", character).casefold()
        folded = unicodedata.normalize("NFKC", re.sub(DEFAULT_IGNORABLE, "", folded))
        if folded == character:
            return folded
        character = folded


def space_punctuation(text: str) -> str:
    """The text with a space on both sides of each punctuation mark (ASCII's symbols are some)."""
    text = re.sub(ASCII_PUNCTUATION, r" \g<0> ", text)
    if not text.isascii():
        marks = "".join(c for c in set(text) if not c.isascii() and is_punctuation(c))
        if marks:
            text = re.sub(f"[{re.escape(marks)}]", r" \g<0> ", text)
    return text


def is_punctuation(character: str) -> bool:
    """Whether BERT's basic tokenizer cuts at this character."""
    if character.isascii():
        return re.match(ASCII_PUNCTUATION, character) is not None
    return unicodedata.category(character).startswith("P")
