"""Plain text → documents: lists of paragraphs; an empty line ends a document.

Held-out text is chosen by document, so that no sentence of a document in it is trained on.
"""

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


def take_valid(documents: Iterable[list[str]], every: int) -> Iterator[list[str]]:
    """Held-out documents: the first one, and each `every`-th after it."""
    return (document for n, document in enumerate(documents) if n % every == 0)


def take_training(documents: Iterable[list[str]], every: int) -> Iterator[list[str]]:
    """All documents that `take_valid` leaves."""
    return (document for n, document in enumerate(documents) if n % every)
