"""Sequences → packed batches of one fixed shape, masked anew each time they are seen.

R rows of W slots; short sequences fill the gaps that long ones leave. The number of masked slots
P and of sequences N is fixed too (filled up with ignored labels), so that a step compiles once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from albertkit.pretraining.masking import hide
from albertkit.pretraining.order_pairs import IGNORED, Sequence, sequences
from albertkit.pretraining.shards import Shard

Int64 = npt.NDArray[np.int64]
Item = TypeVar("Item", bound=Sized)
WAITING = 64  # sequences among which a gap looks for the one that fits best


@dataclass(frozen=True, slots=True)
class PretrainingBatch:
    """One step's input; `real` counts the tokens that are not filling."""

    ids: Int64  # [R, W]
    type_ids: Int64  # [R, W]
    positions: Int64  # [R, W]
    owners: Int64  # [R, W], -1 for empty slots
    masked: Int64  # [P] flat slots
    labels: Int64  # [P], IGNORED where there are fewer
    firsts: Int64  # [N] flat slot of each sequence's [CLS]
    orders: Int64  # [N], IGNORED where there are fewer
    real: int

    def arrays(self) -> tuple[Int64, ...]:
        """All arrays, in the order above."""
        return (
            self.ids,
            self.type_ids,
            self.positions,
            self.owners,
            self.masked,
            self.labels,
            self.firsts,
            self.orders,
        )


@dataclass(frozen=True, slots=True)
class BatchShape:
    """R rows of W slots, with room for `masked` predictions and `texts` sequences."""

    rows: int
    width: int
    share: float = 0.15  # of the pieces are hidden

    @property
    def masked(self) -> int:
        return round(self.share * self.rows * self.width)

    @property
    def texts(self) -> int:
        return 2 * self.rows


def batches(
    shard: Shard,
    shape: BatchShape,
    begins_word: npt.NDArray[np.bool_],
    *,
    seed: int,
    epoch: int = 0,
) -> Iterator[PretrainingBatch]:
    """The shard once, in an order and with masks of this seed and epoch.

    What does not fill a last batch is left out.
    """
    chance = np.random.default_rng((seed, epoch, 1))
    order_seed = int(np.random.default_rng((seed, epoch, 0)).integers(1 << 62))
    stream = sequences(shard, shape.width, order_seed)
    waiting = list(itertools.islice(stream, WAITING))
    while sum(map(len, waiting)) >= shape.rows * shape.width:
        yield _batch(waiting, stream, shape, begins_word, chance)


def _batch(
    waiting: list[Sequence],
    stream: Iterator[Sequence],
    shape: BatchShape,
    begins_word: npt.NDArray[np.bool_],
    chance: np.random.Generator,
) -> PretrainingBatch:
    R, W = shape.rows, shape.width
    ids, types, positions = (np.zeros((R, W), np.int64) for _ in range(3))
    owners = np.full((R, W), -1, np.int64)
    masked: list[Int64] = []
    labels: list[npt.NDArray[np.int32]] = []
    placed = fill_rows(waiting, stream, shape.rows, shape.width, shape.texts)
    for number, (sequence, row, at) in enumerate(placed):
        hidden = hide(sequence.ids, begins_word, chance, shape.share)
        here = slice(at, at + len(sequence))
        ids[row, here], types[row, here] = hidden.ids, sequence.type_ids
        positions[row, here] = np.arange(len(sequence))
        owners[row, here] = number
        masked.append(hidden.places + row * W + at)
        labels.append(hidden.labels)
    return PretrainingBatch(
        ids,
        types,
        positions,
        owners,
        _filled(np.concatenate(masked), shape.masked, 0),
        _filled(np.concatenate(labels), shape.masked, IGNORED),
        _filled(np.array([row * W + at for _, row, at in placed]), shape.texts, 0),
        _filled(np.array([sequence.order for sequence, _, _ in placed]), shape.texts, IGNORED),
        real=int((owners >= 0).sum()),
    )


def fill_rows(
    waiting: list[Item], stream: Iterator[Item], rows: int, width: int, most: int
) -> list[tuple[Item, int, int]]:
    """Take items from `waiting` (refilled from `stream`) until `rows` rows are full.

    The longest that fits goes first, the oldest of these. Returns (item, row, slot in the row).
    """
    placed: list[tuple[Item, int, int]] = []
    for row in range(rows):
        at = 0
        while len(placed) < most and (found := _fitting(waiting, width - at)) is not None:
            item = waiting.pop(found)
            waiting.extend(itertools.islice(stream, 1))
            placed.append((item, row, at))
            at += len(item)
    return placed


def _fitting(waiting: list[Item], room: int) -> int | None:
    sizes = [len(item) if len(item) <= room else 0 for item in waiting]
    best = max(range(len(sizes)), key=sizes.__getitem__, default=None)
    return best if best is not None and sizes[best] else None


def _filled(values: npt.NDArray[np.integer], count: int, filling: int) -> Int64:
    """Exactly `count` values: cut, or filled up."""
    out = np.full(count, filling, np.int64)
    out[: len(values)] = values[:count]
    return out
