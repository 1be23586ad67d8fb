"""The normalised text together with where in the original each of its characters comes from.

In: a text and a policy. Out: a TracedText whose `line` is exactly what normalise.py makes. The
steps are the same, taken one character at a time: slow, and only taken where offsets are asked for.
A character that becomes several owns them all; one that is dropped belongs to the one before it
(so that "é" written as two characters is not cut in half); composed ones own all their parts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from albertkit.tokenization.normalization import (
    DROPPED_CONTROLS,
    IDEOGRAPH,
    casefolded,
    is_dropped_mark,
    is_punctuation,
)
from albertkit.tokenization.policy import TokenizerPolicy

WORD = re.compile(r"\S+")
QUOTES = re.compile(r"``|''")
HIDDEN = ("Cc", "Cf")


@dataclass(frozen=True, slots=True)
class TracedText:
    """A line and its origin: line[n] comes from original[begins[n]:ends[n]]."""

    line: str
    begins: Sequence[int]
    ends: Sequence[int]

    def source_of(self, begin: int, end: int) -> tuple[int, int]:
        """The stretch of the original from which line[begin:end] comes."""
        if begin < end:
            return self.begins[begin], max(self.ends[begin:end])
        if begin < len(self.line):
            return self.begins[begin], self.begins[begin]
        last = self.ends[-1] if self.line else 0
        return last, last


@dataclass(frozen=True, slots=True)
class Traced:
    """One character, or some, of the line being made."""

    text: str
    begin: int
    end: int


Step = Callable[[list[Traced]], list[Traced]]


def trace(text: str, policy: TokenizerPolicy) -> TracedText:
    """`normalise(text, policy)` with its origin."""
    if text.isascii() and is_plain(policy):
        return trace_ascii(text, policy)
    traced = [Traced(character, n, n + 1) for n, character in enumerate(text)]
    for step in steps_of(policy):
        traced = step(traced)
    return TracedText(
        "".join(part.text for part in traced),
        [part.begin for part in traced for _ in part.text],
        [part.end for part in traced for _ in part.text],
    )


def is_plain(policy: TokenizerPolicy) -> bool:
    """Whether ASCII text keeps one character for one, whitespace aside."""
    return not (
        policy.controls_dropped
        or policy.controls_spaced
        or policy.punctuation_spaced
        or policy.quotes_rewritten
    )


def trace_ascii(text: str, policy: TokenizerPolicy) -> TracedText:
    """The same for plain ASCII: only whitespace can go and only case can change."""
    line = text if policy.case == "kept" else text.lower()
    if not policy.whitespace_collapsed:
        return TracedText(line, range(len(line)), range(1, len(line) + 1))
    words: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    for match in WORD.finditer(line):
        if words:
            begins.append(ends[-1])
            ends.append(match.start())
        words.append(match[0])
        begins.extend(range(match.start(), match.end()))
        ends.extend(range(match.start() + 1, match.end() + 1))
    return TracedText(" ".join(words), begins, ends)


def steps_of(policy: TokenizerPolicy) -> Iterable[Step]:
    """The policy's steps in their order."""
    if policy.folded_first:
        yield casefold
        yield compose
    if policy.controls_spaced:
        yield space_controls
    if policy.controls_dropped:
        yield drop_controls
    if policy.ideographs_spaced:
        yield lambda parts: space_around(parts, lambda c: re.match(IDEOGRAPH, c) is not None)
    if policy.whitespace_collapsed:
        yield collapse_whitespace
    if policy.quotes_rewritten:
        yield rewrite_quotes
    if policy.form != "kept":
        form = policy.form
        yield lambda parts: decompose(parts, form)
    if policy.marks != "kept":
        yield lambda parts: drop(parts, lambda c: is_dropped_mark(c, policy))
    if policy.case == "lower":
        yield lower
    elif policy.case == "nfkc_casefold":
        yield casefold
        yield compose
    if policy.punctuation_spaced:
        yield lambda parts: space_around(parts, is_punctuation)


def space_controls(parts: list[Traced]) -> list[Traced]:
    return [
        Traced(" ", part.begin, part.end) if unicodedata.category(part.text) in HIDDEN else part
        for part in parts
    ]


def drop_controls(parts: list[Traced]) -> list[Traced]:
    return drop(
        parts,
        lambda c: (
            re.match(DROPPED_CONTROLS, c) is not None
            or (not c.isascii() and unicodedata.category(c) == "Cf")
        ),
    )


def drop(parts: list[Traced], is_dropped: Callable[[str], bool]) -> list[Traced]:
    """Without some characters; the character before takes over what they came from."""
    kept: list[Traced] = []
    for part in parts:
        if not is_dropped(part.text):
            kept.append(part)
        elif kept and not kept[-1].text.isspace():
            last = kept[-1]
            kept[-1] = Traced(last.text, last.begin, max(last.end, part.end))
    return kept


def space_around(parts: list[Traced], is_alone: Callable[[str], bool]) -> list[Traced]:
    """A space on both sides of some characters; the spaces come from nowhere."""
    made = []
    for part in parts:
        if is_alone(part.text):
            made += [Traced(" ", part.begin, part.begin), part, Traced(" ", part.end, part.end)]
        else:
            made.append(part)
    return made


def collapse_whitespace(parts: list[Traced]) -> list[Traced]:
    """str.split() and single spaces."""
    made: list[Traced] = []
    for part in parts:
        if not part.text.isspace():
            made.append(part)
        elif made and not made[-1].text.isspace():
            made.append(Traced(" ", part.begin, part.end))
        elif made:
            made[-1] = Traced(" ", made[-1].begin, part.end)
    if made and made[-1].text.isspace():
        made.pop()
    return made


def rewrite_quotes(parts: list[Traced]) -> list[Traced]:
    line = "".join(part.text for part in parts)
    made: list[Traced] = []
    at = 0
    for match in QUOTES.finditer(line):
        made += parts[at : match.start()]
        made.append(Traced('"', parts[match.start()].begin, parts[match.end() - 1].end))
        at = match.end()
    return made + parts[at:]


def decompose(parts: list[Traced], form: Literal["NFKD", "NFD"]) -> list[Traced]:
    """NFD or NFKD: each character by itself, then marks in canonical order."""
    made = [
        Traced(character, part.begin, part.end)
        for part in parts
        for character in unicodedata.normalize(form, part.text)
    ]
    at = 0
    while at < len(made):
        stop = at
        while stop < len(made) and unicodedata.combining(made[stop].text):
            stop += 1
        made[at:stop] = sorted(made[at:stop], key=lambda part: unicodedata.combining(part.text))
        at = stop + 1
    return made


def lower(parts: list[Traced]) -> list[Traced]:
    """str.lower() of the whole: what a Σ becomes depends on its neighbours, its length does not."""
    whole = "".join(part.text for part in parts).lower()
    made = []
    at = 0
    for part in parts:
        size = len(part.text.lower())
        made.append(Traced(whole[at : at + size], part.begin, part.end))
        at += size
    return made


def casefold(parts: list[Traced]) -> list[Traced]:
    return [
        Traced(character, part.begin, part.end)
        for part in parts
        for character in casefolded(part.text)
    ]


def compose(parts: list[Traced]) -> list[Traced]:
    """NFC, in the smallest stretches that compose by themselves."""
    made: list[Traced] = []
    stretch: list[Traced] = []
    for part in parts:
        if stretch and unicodedata.combining(part.text) == 0:
            before = "".join(each.text for each in stretch)
            after = unicodedata.normalize("NFC", before + part.text)
            if after == unicodedata.normalize("NFC", before) + part.text:
                made += composed(stretch)
                stretch = []
        stretch.append(part)
    return made + composed(stretch)


def composed(stretch: list[Traced]) -> list[Traced]:
    """The stretch in NFC: as it is where nothing changes, else all from the whole stretch."""
    before = "".join(part.text for part in stretch)
    after = unicodedata.normalize("NFC", before)
    if after == before:
        return stretch
    begin = min(part.begin for part in stretch)
    end = max(part.end for part in stretch)
    return [Traced(character, begin, end) for character in after]
