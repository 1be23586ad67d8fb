"""A stream of texts in windows, the next one tokenised while the engine computes this one.

In: any iterator. Out: windows, each enough texts to fill an engine's rows well, and few enough
that memory stays the same however long the stream is. Texts are taken from the iterator on the
caller's thread, since what is behind it (a cursor of a database) may be bound to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WINDOW_TEXTS = 2048  # packed together these fill 99 % of the slots (benchmarks/packing.py)
WINDOW_CHARACTERS = 1 << 20  # about 2,048 paragraphs: a window of longer texts holds fewer


class Filling:
    """Says where one window ends and the next begins; depends on nothing but the texts."""

    def __init__(self) -> None:
        self._texts = self._characters = 0

    def full_with(self, characters: int) -> bool:
        """Whether a window is full with this text, the one that reaches a limit."""
        self._texts += 1
        self._characters += characters
        full = self._texts == WINDOW_TEXTS or self._characters >= WINDOW_CHARACTERS
        if full:
            self._texts = self._characters = 0
        return full


def in_windows(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """The items in lists of at most WINDOW_TEXTS; size: of an item, in characters."""
    filling = Filling()
    window: list[T] = []
    for item in items:
        window.append(item)
        if filling.full_with(size(item)):
            yield window
            window = []
    if window:
        yield window


def ahead(windows: Iterator[T], prepared: Callable[[T], R]) -> Iterator[R]:
    """`prepared` of each window, made on another thread while the caller is busy with the last.

    At most one lies ready. The thread ends with the stream, when the caller closes it, and after
    an exception: one of `prepared` comes out where its window would, one of `windows` a window
    earlier.
    """
    first = next(windows, None)
    if first is None:
        return
    second = next(windows, None)
    if second is None:  # a short list needs no thread
        yield prepared(first)
        return
    from concurrent.futures import ThreadPoolExecutor  # a few texts do not wait for it

    with ThreadPoolExecutor(1, "albertkit-tokens") as other:
        ready = other.submit(prepared, first)
        for window in (w for some in ([second], windows) for w in some):
            following = other.submit(prepared, window)
            yield ready.result()
            ready = following
        yield ready.result()
