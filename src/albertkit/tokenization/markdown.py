"""Markdown → the text that a reader sees, and where each of its characters was.

Removed are the marks of headings, lists, quotes, tables, code, emphasis and links with their
addresses, HTML tags and comments, link definitions and the block of settings at the beginning.
The words stay, code too. This is not a renderer: rare forms (nested brackets in addresses, indented
code) may keep a mark or lose one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

REMOVED, SPACED = 1, 2  # what becomes of a character; 0 is kept
LONGEST_EMPHASIS = 2000  # characters, so that a single star is not searched through a book

SETTINGS = re.compile(r"\A---[ \t]*\n.*?^---[ \t]*$", re.DOTALL | re.MULTILINE)
FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[^\n`]*\n(?P<code>.*?)(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL)
CODE = re.compile(r"(?<![`\\])(?P<a>(?P<m>`+))(?!`)(?P<code>[^\n]+?)(?P<b>(?<!`)(?P=m))(?!`)")
LINE_MARKS = re.compile(
    r"^[ \t]*\[[^\]\n]+\]:[ \t]+\S.*$"  # the definition of a link
    r"|^[ \t]*(?:(?:[-*_][ \t]*){3,}|=+)$"  # a rule, or the line below a title
    r"|^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)+$"  # the line below a table's head
    r"|^[ \t]*(?:>[ \t]?)*"  # quotes, then an item of a list, then a heading
    r"(?:(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t])?)?(?:\#{1,6}(?:[ \t]+|$))?"
    r"|(?<=[ \t])\#+[ \t]*$",  # at the end of a heading
    re.MULTILINE,
)
ADDRESS = r"(?:\((?:[^()\n]|\([^()\n]*\))*\)|\[[^\[\]\n]*\])"
PAIRED_MARKS = (  # of marks, a and b
    re.compile(rf"(?P<a>!\[)[^\[\]]*(?P<b>\]{ADDRESS})"),
    re.compile(rf"(?P<a>(?<![\\!])\[)(?:[^\[\]]|!\[[^\[\]]*\]{ADDRESS})*(?P<b>\]{ADDRESS})"),
    *(
        re.compile(
            rf"(?<![\\{outside}])(?P<a>(?P<m>{mark}))(?![\s{first}])"
            rf"(?:(?!\n\s*\n).){{1,{LONGEST_EMPHASIS}}}?(?P<b>(?<![\s\\])(?P=m)){after}",
            re.DOTALL,
        )
        for mark, first, outside, after in (
            (r"\*{1,3}", r"\*", r"\*", ""),
            ("_{1,3}", "_", r"\w", r"(?!\w)"),
            ("~~", "~", "~", ""),
        )
    ),
)
TABLE_ROW = re.compile(r"^[ \t]*\|.*\|[ \t]*$", re.MULTILINE)
TAG = re.compile(r"</?(?P<name>[A-Za-z][A-Za-z0-9-]*)(?:\s[^<>]*)?/?>")
ADDRESS_MARKS = re.compile(r"(?P<a><)(?:[a-z]+:[^<>\s]+|[^<>\s@]+@[^<>\s]+)(?P<b>>)")
# Tags that may stand within a word; the others end one.
WITHIN_WORDS = re.compile(
    "a|abbr|b|code|em|i|kbd|mark|s|small|span|strong|sub|sup|u", re.IGNORECASE
)
ESCAPE = re.compile(r"\\(?=[!-/:-@\[-`{-~])")


@dataclass(frozen=True, slots=True)
class PlainText:
    """Text without markup, in runs of characters that follow one another in the original.

    Attributes:
        text: The text.
        offsets: Where each run begins in the text, and the text's length.
        sources: Where each run begins in the original.
    """

    text: str
    offsets: list[int]
    sources: list[int]

    def source_of(self, start: int, end: int, size: int) -> tuple[int, int]:
        """The range of the original that text[start:end] comes from.

        Args:
            start: the first character.
            end: the index after the last.
            size: of the original, which the whole text comes from.
        """
        if (start, end) == (0, len(self.text)):
            return 0, size
        return self._source(start), self._source(end - 1) + 1

    def _source(self, index: int) -> int:
        run = bisect_right(self.offsets, index) - 1
        return self.sources[run] + index - self.offsets[run]


def strip_markdown(text: str) -> PlainText:
    """Remove the markup of a document.

    Args:
        text: Markdown; any other text is nearly unchanged.
    """
    fates = bytearray(len(text))
    is_code = bytearray(len(text))

    def mark(start: int, end: int, fate: int = REMOVED) -> None:
        fates[start:end] = bytes([fate]) * (end - start)

    for match in SETTINGS.finditer(text):
        mark(*match.span())
    for match in FENCE.finditer(text):
        mark(match.start(), match.start("code"))
        mark(match.end("code"), match.end())
        is_code[match.start("code") : match.end("code")] = b"\1" * len(match["code"])
    for pattern in (
        COMMENT,
        LINE_MARKS,
        CODE,
        *PAIRED_MARKS,
        ADDRESS_MARKS,
        TABLE_ROW,
        TAG,
        ESCAPE,
    ):
        for match in pattern.finditer(text):
            start, end = match.span()
            if start == end or is_code[start] or (fates[start] and pattern is not TABLE_ROW):
                continue
            if pattern is CODE:
                is_code[match.start("code") : match.end("code")] = b"\1" * len(match["code"])
            if pattern is TABLE_ROW:
                for index in range(start, end):
                    if text[index] == "|" and not is_code[index]:
                        mark(index, index + 1, SPACED)
            elif pattern is TAG:
                mark(start, end, REMOVED if WITHIN_WORDS.fullmatch(match["name"]) else SPACED)
            elif "a" in pattern.groupindex:
                mark(*match.span("a"))
                mark(*match.span("b"))
            else:
                mark(start, end)
    return make_plain(text, fates)


def make_plain(text: str, fates: bytes | bytearray) -> PlainText:
    """The text without what is removed.

    Args:
        text: The original.
        fates: [len(text)] 0, REMOVED or SPACED for each character.
    """
    runs = [match.span() for match in re.finditer(rb"[^\1]+", fates)]
    line = text
    if SPACED in fates:
        line = "".join(" " if fate == SPACED else c for c, fate in zip(text, fates, strict=True))
    lengths = [end - start for start, end in runs]
    return PlainText(
        "".join(line[start:end] for start, end in runs),
        list(accumulate(lengths, initial=0)),
        [start for start, _ in runs],
    )
