"""Items of many lengths → full rows, for training: long ones first, short ones in the gaps.

Unlike `engine/packing.py` this reads a stream that has no end in sight, and rows are of one width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Sized)
POOL = 4  # so many batches' tokens wait; among them a gap looks for what fits it best


@dataclass(frozen=True, slots=True)
class Placed(Generic[Item]):
    """An item and where it lies."""

    item: Item
    row: int
    at: int  # its first slot in the row


def filled_rows(
    stream: Iterator[Item], rows: int, width: int, most: int
) -> Iterator[list[Placed[Item]]]:
    """Batches of `rows` rows with at most `most` items, until too little is left for one.

    Items longer than `width` must not come.
    """
    waiting: list[Item] = []
    tokens = 0
    while True:
        while tokens < POOL * rows * width and (item := next(stream, None)) is not None:
            waiting.append(item)
            tokens += len(item)
        if tokens < rows * width:
            return
        placed = _fill(waiting, rows, width, most)
        tokens -= sum(len(each.item) for each in placed)
        yield placed


def _fill(waiting: list[Item], rows: int, width: int, most: int) -> list[Placed[Item]]:
    placed: list[Placed[Item]] = []
    for row in range(rows):
        at = 0
        while len(placed) < most and (found := _fitting(waiting, width - at)) is not None:
            item = waiting.pop(found)
            placed.append(Placed(item, row, at))
            at += len(item)
    return placed


def _fitting(waiting: list[Item], room: int) -> int | None:
    """The longest that fits, the oldest of these."""
    sizes = [len(item) if len(item) <= room else 0 for item in waiting]
    best = max(range(len(sizes)), key=sizes.__getitem__, default=None)
    return best if best is not None and sizes[best] else None
