"""Sequences → packed batches of one fixed shape, masked anew each time they are seen.

R rows of W slots; short sequences fill the gaps that long ones leave. The number of masked slots
P and of sequences N is fixed too (filled up with ignored labels), so that a step compiles once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int64Array
from albertkit.pretraining.masking import hide
from albertkit.pretraining.sentence_order import IGNORED, Sequence, sequences
from albertkit.pretraining.sequence_packing import Placed, filled_rows
from albertkit.pretraining.shards import Shard


@dataclass(frozen=True, slots=True)
class PretrainingBatch:
    """One step's input; `real` counts the tokens that are not filling."""

    ids: Int64Array  # [R, W]
    type_ids: Int64Array  # [R, W]
    positions: Int64Array  # [R, W]
    segment_ids: Int64Array  # [R, W], -1 for empty slots
    masked: Int64Array  # [P] flat slots
    labels: Int64Array  # [P], IGNORED where there are fewer
    firsts: Int64Array  # [N] flat slot of each sequence's [CLS]
    orders: Int64Array  # [N], IGNORED where there are fewer
    real: int

    def arrays(self) -> tuple[Int64Array, ...]:
        """All arrays, in the order above."""
        return (
            self.ids,
            self.type_ids,
            self.positions,
            self.segment_ids,
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
    rng = np.random.default_rng((seed, epoch, 1))
    order_seed = int(np.random.default_rng((seed, epoch, 0)).integers(1 << 62))
    stream = sequences(shard, shape.width, order_seed)
    for placed in filled_rows(stream, shape.rows, shape.width, shape.texts):
        yield _batch(placed, shape, begins_word, rng)


def _batch(
    placed: list[Placed[Sequence]],
    shape: BatchShape,
    begins_word: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> PretrainingBatch:
    R, W = shape.rows, shape.width
    ids, types, positions = (np.zeros((R, W), np.int64) for _ in range(3))
    segment_ids = np.full((R, W), -1, np.int64)
    masked: list[Int64Array] = []
    labels: list[npt.NDArray[np.int32]] = []
    for number, (sequence, row, at) in enumerate((p.item, p.row, p.at) for p in placed):
        hidden = hide(sequence.ids, begins_word, rng, shape.share)
        here = slice(at, at + len(sequence))
        ids[row, here], types[row, here] = hidden.ids, sequence.type_ids
        positions[row, here] = np.arange(len(sequence))
        segment_ids[row, here] = number
        masked.append(hidden.places + row * W + at)
        labels.append(hidden.labels)
    return PretrainingBatch(
        ids,
        types,
        positions,
        segment_ids,
        _filled(np.concatenate(masked), shape.masked, 0),
        _filled(np.concatenate(labels), shape.masked, IGNORED),
        _filled(np.array([p.row * W + p.at for p in placed]), shape.texts, 0),
        _filled(np.array([p.item.order for p in placed]), shape.texts, IGNORED),
        real=int((segment_ids >= 0).sum()),
    )


def _filled(values: npt.NDArray[np.integer], count: int, filling: int) -> Int64Array:
    """Exactly `count` values: cut, or filled up."""
    out = np.full(count, filling, np.int64)
    out[: len(values)] = values[:count]
    return out
