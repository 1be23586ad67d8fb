"""Plain text → documents of sentences.

A document is a list of paragraphs; documents in a file are parted by empty lines. Sentences are
found by a plain rule, good enough for deciding where a text may be cut in two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# An end mark, closing quotes or brackets, a space, then what can begin a sentence.
SENTENCE_END = re.compile(r"""(?<=[.!?])(["')”’]*) +(?=["'(“‘]?[A-Z0-9])""")


def sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph; never an empty one."""
    return [part for part in SENTENCE_END.sub(r"\1\n", paragraph).split("\n") if part.strip()]


def documents(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lines → documents, each a list of paragraphs; an empty line ends a document."""
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
