"""Where sentences begin, by a plain rule: good enough to decide where a long text may be cut.

A sentence ends at an end mark before a space and what can start a sentence, at a full stop of
Chinese or Japanese, and at an empty line.
"""

from __future__ import annotations

import re
from itertools import pairwise

CLOSING = "\"')\\]”’»"
SENTENCE_END = re.compile(
    rf"""[.!?…][{CLOSING}]*\s++(?=["'(\[“‘«¿¡]?[^\Wa-z_])"""  # not before a small letter
    rf"|[。！？｡]+[{CLOSING}」』）]*\s*"
    r"|\n\s*\n\s*"
)


def find_sentence_starts(text: str) -> list[int]:
    """The indices of the characters with which sentences begin, in order.

    Args:
        text: any text; the beginning of its first sentence is left out.
    """
    end = len(text)
    return [match.end() for match in SENTENCE_END.finditer(text) if match.end() < end]


def split_sentences(paragraph: str) -> list[str]:
    """Split a text into sentences; none of them is blank.

    Args:
        paragraph: any text.
    """
    starts = [0, *find_sentence_starts(paragraph), len(paragraph)]
    parts = (paragraph[begin:end].rstrip() for begin, end in pairwise(starts))
    return [part for part in parts if part]
