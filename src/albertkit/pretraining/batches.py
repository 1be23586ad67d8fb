"""A shard → packed batches of one fixed shape, masked anew in each epoch or always alike.

An epoch is a random order of the documents, in blocks of whole documents. A block is packed as a
whole; each of its batches is then a function of (seed, epoch, block, number) alone.
So a resumed run and each rank of several makes only the batches that it needs.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray, Int32Array, Int64Array
from albertkit.pretraining.masking import MaskingVocabulary, mask_pieces
from albertkit.pretraining.sentence_order import Sequence as TextSequence
from albertkit.pretraining.sentence_order import cut_document
from albertkit.pretraining.sequence_packing import PackedItem, pack_rows
from albertkit.pretraining.shards import CorpusShard
from albertkit.pretraining.token_teacher import TokenTeacher, join_targets, make_no_targets
from albertkit.spec.heads import IGNORED_LABEL
from albertkit.training.schedules import Ramp

BLOCK_PIECES = 1 << 16


@dataclass(frozen=True, slots=True)
class PretrainingBatch:
    """The input of one step: R rows of W slots, N sequences, P masked slots."""

    ids: Int64Array  # [R, W]
    type_ids: Int64Array  # [R, W]
    positions: Int64Array  # [R, W]
    segment_ids: Int64Array  # [R, W], the number of each slot's sequence, -1 for empty slots
    masked: Int64Array  # [P] flat slots
    labels: Int64Array  # [P], IGNORED_LABEL for filling
    firsts: Int64Array  # [N] flat slot of each sequence's [CLS]
    orders: Int64Array  # [N], IGNORED_LABEL for filling
    taught: Int64Array  # [T] flat slots that have a teacher's vector
    teacher: FloatArray  # [T, D], their mean is 0
    tokens: int  # slots that are not empty

    def arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
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
            self.taught,
            self.teacher,
        )


@dataclass(frozen=True, slots=True)
class BatchShape:
    """R rows of W slots, with room for P masked slots and N sequences.

    P and N are fixed (filled with ignored labels), so that each step has the same shapes.
    """

    rows: int
    width: int
    mlm_probability: float = 0.15
    max_predictions: int = 0  # of a sequence; 0: no cap

    @property
    def prediction_count(self) -> int:
        """P."""
        count = round(self.mlm_probability * self.rows * self.width)
        cap = self.max_sequences * self.max_predictions
        return min(count, cap) if cap else count

    @property
    def max_sequences(self) -> int:
        """N: the largest number of sequences in a batch."""
        return 2 * self.rows


@dataclass(frozen=True, slots=True)
class PretrainingData:
    """The batches of a shard, by epoch and block.

    Attributes:
        shard: the corpus.
        vocabulary: of its ids.
        shape_at: the shape of a block's batches, from the fraction of the run that is done when
            the block begins.
        seed: of all random choices.
        block_pieces: about this many pieces are a block; at a block's end less than one batch of
            them is left out.
        static_masks: whether the sequences and masks of a document are the same in each epoch,
            as in google's code; only their order differs.
        teacher: whose token vectors are learned; None: no teacher.
        teacher_weight: of that loss; the teacher computes only while it is above 0.
    """

    shard: CorpusShard
    vocabulary: MaskingVocabulary
    shape_at: Callable[[float], BatchShape]
    seed: int = 0
    block_pieces: int = BLOCK_PIECES
    static_masks: bool = False
    teacher: TokenTeacher | None = None
    teacher_weight: Ramp = Ramp(((0.0, 1.0),))

    @property
    def blocks(self) -> int:
        """Blocks of an epoch."""
        return max(1, min(len(self.shard), len(self.shard.ids) // self.block_pieces))

    def block(self, epoch: int, number: int, fraction: float) -> Block:
        """The batches of one block.

        Args:
            epoch: counted from 0.
            number: of the block in the epoch, 0 to `blocks` - 1.
            fraction: of the run that is done when this block begins, 0 to 1.
        """
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.shard))
        rng = np.random.default_rng((self.seed, epoch, number))
        shape = self.shape_at(fraction)
        sequences = (
            sequence
            for document in np.array_split(order, self.blocks)[number]
            for sequence in cut_document(
                self.shard[int(document)],
                shape.width,
                self.vocabulary.special_ids,
                np.random.default_rng((self.seed, int(document))) if self.static_masks else rng,
            )
        )
        layouts = pack_rows(sequences, shape.rows, shape.width, shape.max_sequences)
        return Block(
            tuple(layouts),
            shape,
            self.vocabulary,
            (self.seed, epoch, number),
            static_seed=self.seed if self.static_masks else None,
            teacher=self.teacher if self.teacher_weight(fraction) else None,
        )


class Block(Sequence[PretrainingBatch]):
    """The batches of a block; each is masked when it is asked for.

    Args:
        layouts: the sequences of each batch and their slots.
        shape: of the batches.
        vocabulary: of the ids.
        seed: of the block.
        static_seed: seeds masks that depend on the pieces of a sequence alone; None: masks depend
            on the block and the batch.
        teacher: whose token vectors a batch holds too.
    """

    def __init__(
        self,
        layouts: Sequence[list[PackedItem[TextSequence]]],
        shape: BatchShape,
        vocabulary: MaskingVocabulary,
        seed: tuple[int, ...],
        *,
        static_seed: int | None,
        teacher: TokenTeacher | None,
    ) -> None:
        self.layouts, self.shape, self.vocabulary = layouts, shape, vocabulary
        self.seed, self.static_seed, self.teacher = seed, static_seed, teacher

    def __len__(self) -> int:
        return len(self.layouts)

    def __getitem__(self, number: int) -> PretrainingBatch:  # type: ignore[override]  # no slices
        rng = np.random.default_rng((*self.seed, number))
        return make_batch(
            self.layouts[number],
            self.shape,
            self.vocabulary,
            rng,
            static_seed=self.static_seed,
            teacher=self.teacher,
        )


def make_batch(
    layout: list[PackedItem[TextSequence]],
    shape: BatchShape,
    vocabulary: MaskingVocabulary,
    rng: np.random.Generator,
    *,
    static_seed: int | None = None,
    teacher: TokenTeacher | None = None,
) -> PretrainingBatch:
    """Mask the sequences of one layout and put them into arrays."""
    R, W = shape.rows, shape.width
    ids = np.full((R, W), vocabulary.special_ids.pad, np.int64)
    type_ids, positions = (np.zeros((R, W), np.int64) for _ in range(2))
    segment_ids = np.full((R, W), -1, np.int64)
    masked: list[Int64Array] = []
    labels: list[Int32Array] = []
    for number, packed in enumerate(layout):
        sequence, first = packed.item, packed.row * W + packed.column
        if static_seed is not None:
            rng = np.random.default_rng((static_seed, zlib.crc32(sequence.ids.tobytes())))
        masked_sequence = mask_pieces(
            sequence.ids, vocabulary, rng, shape.mlm_probability, shape.max_predictions
        )
        slots = slice(first, first + len(sequence))
        ids.reshape(-1)[slots] = masked_sequence.ids
        type_ids.reshape(-1)[slots] = sequence.type_ids
        positions.reshape(-1)[slots] = np.arange(len(sequence))
        segment_ids.reshape(-1)[slots] = number
        masked.append(masked_sequence.positions + first)
        labels.append(masked_sequence.labels)
    firsts = [packed.row * W + packed.column for packed in layout]
    targets = make_no_targets()
    if teacher is not None:
        targets = join_targets(teacher.targets([p.item.ids for p in layout]), firsts)
    return PretrainingBatch(
        ids,
        type_ids,
        positions,
        segment_ids,
        _resize(np.concatenate(masked), shape.prediction_count, 0),
        _resize(np.concatenate(labels), shape.prediction_count, IGNORED_LABEL),
        _resize(np.array(firsts), shape.max_sequences, 0),
        _resize(np.array([p.item.order for p in layout]), shape.max_sequences, IGNORED_LABEL),
        targets.slots,
        targets.vectors,
        tokens=int((segment_ids >= 0).sum()),
    )


def _resize(values: npt.NDArray[np.integer], count: int, filling: int) -> Int64Array:
    """Exactly `count` values: cut, or filled up."""
    resized = np.full(count, filling, np.int64)
    resized[: len(values)] = values[:count]
    return resized
