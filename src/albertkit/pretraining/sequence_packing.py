"""Items of many lengths → full rows, for training: long items first, short ones in the gaps.

Unlike `engine/packing.py` this reads a stream, and all rows have one width.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Sized)
POOL = 4  # batches' worth of tokens that wait, so that a gap can take the item that fits best


@dataclass(frozen=True, slots=True)
class PackedItem(Generic[Item]):
    """An item and its position in a batch."""

    item: Item
    row: int
    column: int  # its first slot in the row


def pack_rows(
    stream: Iterator[Item], rows: int, width: int, max_items: int
) -> Iterator[list[PackedItem[Item]]]:
    """Pack a stream into batches, until too little is left to fill one.

    Args:
        stream: items of 1 to `width` tokens.
        rows: of a batch.
        width: slots of a row.
        max_items: the most items in a batch.
    """
    waiting: list[deque[Item]] = [deque() for _ in range(width + 1)]  # by length
    tokens = 0
    while True:
        while tokens < POOL * rows * width and (item := next(stream, None)) is not None:
            waiting[len(item)].append(item)
            tokens += len(item)
        if tokens < rows * width:
            return
        batch = _fill(waiting, rows, width, max_items)
        tokens -= sum(len(packed.item) for packed in batch)
        yield batch


def _fill(
    waiting: list[deque[Item]], rows: int, width: int, max_items: int
) -> list[PackedItem[Item]]:
    """Fill each row with the longest items that fit, the oldest first among equals."""
    batch: list[PackedItem[Item]] = []
    for row in range(rows):
        column = 0
        length = width
        while len(batch) < max_items:
            length = min(length, width - column)
            while length and not waiting[length]:
                length -= 1
            if not length:
                break
            batch.append(PackedItem(waiting[length].popleft(), row, column))
            column += length
    return batch
