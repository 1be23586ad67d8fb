"""The normalized text, with the range of the original from which each character comes.

Input: a text and a policy. Output: a TracedText whose `line` is the result of normalization.py.
The steps are the same, one character at a time: slow, and only used if offsets are asked for. All
characters that one becomes have its range; a dropped character is added to the range of the one
before it (so that "é" written as two characters is not cut in half); a composed character has the
ranges of all its parts.
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
    WORD,
    casefold_character,
    is_dropped_mark,
    is_punctuation,
)
from albertkit.tokenization.policy import TokenizerPolicy

QUOTES = re.compile(r"``|''")
HIDDEN = ("Cc", "Cf")


@dataclass(frozen=True, slots=True)
class TracedText:
    """A line and its origin: line[n] comes from original[starts[n]:ends[n]]."""

    line: str
    starts: Sequence[int]
    ends: Sequence[int]

    def source_of(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original that line[start:end] comes from."""
        if start < end:
            return self.starts[start], max(self.ends[start:end])
        if start < len(self.line):
            return self.starts[start], self.starts[start]
        last = self.ends[-1] if self.line else 0
        return last, last


@dataclass(frozen=True, slots=True)
class Traced:
    """Some characters of the line that is being made, and their range in the original."""

    text: str
    start: int
    end: int


Step = Callable[[list[Traced]], list[Traced]]


def trace(text: str, policy: TokenizerPolicy) -> TracedText:
    """`normalize(text, policy)` with its origin."""
    if text.isascii() and is_plain(policy):
        return trace_ascii(text, policy)
    traced = [Traced(character, n, n + 1) for n, character in enumerate(text)]
    for step in list_steps(policy):
        traced = step(traced)
    return TracedText(
        "".join(part.text for part in traced),
        [part.start for part in traced for _ in part.text],
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
    """The same for plain ASCII: only whitespace is removed and only case changes."""
    line = text if policy.case == "kept" else text.lower()
    if not policy.whitespace_collapsed:
        return TracedText(line, range(len(line)), range(1, len(line) + 1))
    words: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in re.finditer(WORD, line):
        if words:
            starts.append(ends[-1])
            ends.append(match.start())
        words.append(match[0])
        starts.extend(range(match.start(), match.end()))
        ends.extend(range(match.start() + 1, match.end() + 1))
    return TracedText(" ".join(words), starts, ends)


def list_steps(policy: TokenizerPolicy) -> Iterable[Step]:
    """The policy's steps in their order."""
    if policy.folded_first:
        yield casefold
        yield compose
    if policy.controls_spaced:
        yield space_controls
    if policy.controls_dropped:
        yield drop_controls
    if policy.ideographs_spaced:
        yield lambda parts: add_spaces_around(parts, lambda c: re.match(IDEOGRAPH, c) is not None)
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
        yield lower_case
    elif policy.case == "nfkc_casefold":
        yield casefold
        yield compose
    if policy.punctuation_spaced:
        yield lambda parts: add_spaces_around(parts, is_punctuation)


def space_controls(parts: list[Traced]) -> list[Traced]:
    """With a space for each character of the categories Cc and Cf."""
    return [
        Traced(" ", part.start, part.end) if unicodedata.category(part.text) in HIDDEN else part
        for part in parts
    ]


def drop_controls(parts: list[Traced]) -> list[Traced]:
    """Without BERT's control characters."""
    return drop(
        parts,
        lambda c: (
            re.match(DROPPED_CONTROLS, c) is not None
            or (not c.isascii() and unicodedata.category(c) == "Cf")
        ),
    )


def drop(parts: list[Traced], is_dropped: Callable[[str], bool]) -> list[Traced]:
    """Without some characters; their range is added to that of the character before."""
    kept: list[Traced] = []
    for part in parts:
        if not is_dropped(part.text):
            kept.append(part)
        elif kept and not kept[-1].text.isspace():
            last = kept[-1]
            kept[-1] = Traced(last.text, last.start, max(last.end, part.end))
    return kept


def add_spaces_around(parts: list[Traced], is_alone: Callable[[str], bool]) -> list[Traced]:
    """With a space on both sides of some characters; the spaces have empty ranges."""
    made = []
    for part in parts:
        if is_alone(part.text):
            made += [Traced(" ", part.start, part.start), part, Traced(" ", part.end, part.end)]
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
            made.append(Traced(" ", part.start, part.end))
        elif made:
            made[-1] = Traced(" ", made[-1].start, part.end)
    if made and made[-1].text.isspace():
        made.pop()
    return made


def rewrite_quotes(parts: list[Traced]) -> list[Traced]:
    """With " for each `` and ''."""
    line = "".join(part.text for part in parts)
    made: list[Traced] = []
    end = 0
    for match in QUOTES.finditer(line):
        made += parts[end : match.start()]
        made.append(Traced('"', parts[match.start()].start, parts[match.end() - 1].end))
        end = match.end()
    return made + parts[end:]


def decompose(parts: list[Traced], form: Literal["NFKD", "NFD"]) -> list[Traced]:
    """NFD or NFKD: each character by itself, then marks in canonical order."""
    made = [
        Traced(character, part.start, part.end)
        for part in parts
        for character in unicodedata.normalize(form, part.text)
    ]
    first = 0
    while first < len(made):
        end = first
        while end < len(made) and unicodedata.combining(made[end].text):
            end += 1
        made[first:end] = sorted(made[first:end], key=lambda part: unicodedata.combining(part.text))
        first = end + 1
    return made


def lower_case(parts: list[Traced]) -> list[Traced]:
    """str.lower() of the whole line: the result for a Σ depends on its neighbours."""
    whole = "".join(part.text for part in parts).lower()
    made = []
    offset = 0
    for part in parts:
        size = len(part.text.lower())  # the length does not depend on the neighbours
        made.append(Traced(whole[offset : offset + size], part.start, part.end))
        offset += size
    return made


def casefold(parts: list[Traced]) -> list[Traced]:
    """NFKC_Casefold of each character."""
    return [
        Traced(character, part.start, part.end)
        for part in parts
        for character in casefold_character(part.text)
    ]


def compose(parts: list[Traced]) -> list[Traced]:
    """NFC, in the shortest runs that compose by themselves."""
    made: list[Traced] = []
    run: list[Traced] = []
    for part in parts:
        if run and unicodedata.combining(part.text) == 0:
            before = "".join(member.text for member in run)
            after = unicodedata.normalize("NFC", before + part.text)
            if after == unicodedata.normalize("NFC", before) + part.text:
                made += compose_run(run)
                run = []
        run.append(part)
    return made + compose_run(run)


def compose_run(run: list[Traced]) -> list[Traced]:
    """The run in NFC: unchanged, or all characters with the range of the whole run."""
    before = "".join(part.text for part in run)
    after = unicodedata.normalize("NFC", before)
    if after == before:
        return run
    start = min(part.start for part in run)
    end = max(part.end for part in run)
    return [Traced(character, start, end) for character in after]
