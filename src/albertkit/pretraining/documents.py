"""Plain text → documents of sentences.

A document is a list of paragraphs; an empty line ends a document. Sentences are split by a plain
rule, which is good enough to decide where a document may be cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# An end mark, closing quotes or brackets, a space, then what can start a sentence.
SENTENCE_END = re.compile(r"""(?<=[.!?])(["')”’]*) +(?=["'(“‘]?[A-Z0-9])""")


def sentences(paragraph: str) -> list[str]:
    """Split a paragraph into sentences; none of them is blank."""
    return [part for part in SENTENCE_END.sub(r"\1\n", paragraph).split("\n") if part.strip()]


def documents(lines: Iterable[str]) -> Iterator[list[str]]:
    """Group lines into documents.

    Args:
        lines: one paragraph each, an empty line after each document.

    Yields:
        The paragraphs of each document.
    """
    paragraphs: list[str] = []
    for line in lines:
        text = line.strip()
        if text:
            paragraphs.append(text)
        elif paragraphs:
            yield paragraphs
            paragraphs = []
    if paragraphs:
        yield paragraphs
