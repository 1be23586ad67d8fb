"""A distillation dataset → packed batches of texts, single or in triplets, with their targets.

An epoch is a random order of the texts, in blocks. While hard negatives count, each block also
takes its part of the triplets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray, Int64Array
from albertkit.pretraining.distillation_config import DistillationConfig
from albertkit.pretraining.distillation_dataset import DistillationDataset, DistillationExample
from albertkit.pretraining.sequence_packing import PackedItem, pack_rows
from albertkit.tokenization.vocabulary import SpecialIds

BATCHES_PER_BLOCK = 64


@dataclass(frozen=True, slots=True)
class DistillationBatch:
    """Packed texts and their teacher's vectors."""

    ids: Int64Array  # [R, W]
    positions: Int64Array  # [R, W]
    segment_ids: Int64Array  # [R, W], -1 for empty slots
    targets: FloatArray  # [N, D], unit length
    triplets: Int64Array  # [M, 3], numbers of texts of the batch; -1 for no negative
    tokens: int  # slots that are not empty

    def arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
        """All arrays, in the order above."""
        return self.ids, self.positions, self.segment_ids, self.targets, self.triplets


@dataclass(frozen=True, slots=True)
class RelatedTexts:
    """Texts that must be in one batch, side by side in a row: one, or those of a triplet."""

    texts: tuple[DistillationExample, ...]

    def __len__(self) -> int:
        return sum(map(len, self.texts))


@dataclass(frozen=True, slots=True)
class DistillationData:
    """The batches of a dataset, by epoch and block."""

    dataset: DistillationDataset
    config: DistillationConfig
    seed: int = 0

    @property
    def blocks(self) -> int:
        """Blocks of an epoch."""
        slots = max(self.config.batch_size.values()) * self.config.max_seq_length
        return max(1, len(self.dataset.ids) // (slots * BATCHES_PER_BLOCK))

    def block(self, epoch: int, number: int, fraction: float) -> Sequence[DistillationBatch]:
        """The batches of a block of texts, and of triplets if they count, in random order."""
        rng = np.random.default_rng((self.seed, epoch))
        count = len(self.dataset)
        order = rng.permutation(count)
        chosen = np.array_split(order, self.blocks)[number]
        if self.config.hard_negatives(fraction):
            triplets = count + rng.permutation(len(self.dataset.triplets))
            chosen = np.concatenate((chosen, np.array_split(triplets, self.blocks)[number]))
            np.random.default_rng((self.seed, epoch, number)).shuffle(chosen)
        rows, width = self.config.batch_size(fraction), self.config.max_seq_length
        stream = (self.group(int(n), width) for n in chosen)
        special_ids = self.dataset.metadata.special_ids
        return [
            make_batch(layout, rows, width, special_ids)
            for layout in pack_rows(stream, rows, width, rows * width)
        ]

    def group(self, number: int, width: int) -> RelatedTexts:
        """Text `number`, or the triplet that follows so far after the last text."""
        count = len(self.dataset)
        if number < count:
            return RelatedTexts((self.dataset.example(number, width),))
        triplet = self.dataset.triplets[number - count]
        texts = (self.dataset.example(int(n), width // 3) for n in triplet if n >= 0)
        return RelatedTexts(tuple(texts))


def make_batch(
    layout: list[PackedItem[RelatedTexts]], rows: int, width: int, special_ids: SpecialIds
) -> DistillationBatch:
    """Put the texts of one layout into arrays."""
    ids = np.full((rows, width), special_ids.pad, np.int64)
    positions = np.zeros((rows, width), np.int64)
    segment_ids = np.full((rows, width), -1, np.int64)
    targets: list[npt.NDArray[np.floating]] = []
    triplets: list[list[int]] = []
    for packed in layout:
        if len(packed.item.texts) > 1:
            numbers = list(range(len(targets), len(targets) + len(packed.item.texts)))
            triplets.append([*numbers, -1][:3])
        column = packed.column
        for text in packed.item.texts:
            slots = slice(column, column + len(text))
            ids[packed.row, slots] = text.ids
            positions[packed.row, slots] = np.arange(len(text))
            segment_ids[packed.row, slots] = len(targets)
            targets.append(text.target)
            column += len(text)
    unit = np.stack(targets).astype(np.float32)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    return DistillationBatch(
        ids,
        positions,
        segment_ids,
        unit,
        np.array(triplets, np.int64).reshape(-1, 3),
        int((segment_ids >= 0).sum()),
    )
