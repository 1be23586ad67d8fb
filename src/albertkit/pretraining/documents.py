"""Plain text → documents: lists of paragraphs; an empty line ends a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def read_documents(lines: Iterable[str]) -> Iterator[list[str]]:
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
