from __future__ import annotations

import numpy as np

from albertkit.pretraining.batches import BatchShape, PretrainingBatch, PretrainingData
from albertkit.pretraining.masking import MaskingVocabulary
from albertkit.pretraining.shards import CorpusShard
from albertkit.spec.heads import IGNORED_LABEL

SHAPE = BatchShape(rows=4, width=40)


def data_of(shard: CorpusShard, vocabulary: MaskingVocabulary, seed: int) -> PretrainingData:
    return PretrainingData(shard, vocabulary, lambda fraction: SHAPE, seed, block_pieces=1000)


def batches(
    shard: CorpusShard, vocabulary: MaskingVocabulary, seed: int, epoch: int = 0
) -> list[PretrainingBatch]:
    data = data_of(shard, vocabulary, seed)
    return [batch for n in range(data.blocks) for batch in data.block(epoch, n, 0.0)]


def test_each_sequence_is_in_one_row_with_its_own_positions(
    shard: CorpusShard, vocabulary: MaskingVocabulary
) -> None:
    for batch in batches(shard, vocabulary, seed=1):
        for number in range(batch.segment_ids.max() + 1):
            row, slots = np.nonzero(batch.segment_ids == number)
            assert len(set(row)) == 1
            assert slots.tolist() == list(range(slots[0], slots[0] + len(slots)))
            assert batch.positions[row, slots].tolist() == list(range(len(slots)))
            assert batch.ids[row[0], slots[0]] == vocabulary.special_ids.cls
            assert batch.ids[row[0], slots[-1]] == vocabulary.special_ids.sep
            assert batch.firsts[number] == row[0] * SHAPE.width + slots[0]
        assert batch.tokens == (batch.segment_ids >= 0).sum()
        assert (batch.ids[batch.segment_ids < 0] == vocabulary.special_ids.pad).all()


def test_every_batch_has_one_shape_and_is_nearly_full(
    shard: CorpusShard, vocabulary: MaskingVocabulary
) -> None:
    results = batches(shard, vocabulary, seed=2)
    assert len(results) > 3
    assert {tuple(a.shape for a in b.arrays()) for b in results} == {
        ((4, 40),) * 4 + ((24,), (24,), (8,), (8,)) + ((0,), (0, 0))  # the last: no teacher
    }
    assert np.mean([b.tokens for b in results]) > 0.8 * 160  # whole sentences of 8-14 ids


def test_labels_belong_to_sequences_and_are_no_special_pieces(
    shard: CorpusShard, vocabulary: MaskingVocabulary
) -> None:
    for batch in batches(shard, vocabulary, seed=3):
        counted = batch.labels != IGNORED_LABEL
        assert counted.sum() > 10
        assert (batch.segment_ids.ravel()[batch.masked[counted]] >= 0).all()
        assert not vocabulary.is_special[batch.labels[counted]].any()


def test_an_epoch_is_a_function_of_seed_and_number(
    shard: CorpusShard, vocabulary: MaskingVocabulary
) -> None:
    def ids(seed: int, epoch: int) -> list[bytes]:
        return [b.ids.tobytes() for b in batches(shard, vocabulary, seed, epoch)]

    assert ids(1, 0) == ids(1, 0)
    assert ids(1, 0) != ids(1, 1)
    assert ids(1, 0) != ids(2, 0)


def test_a_batch_does_not_depend_on_the_batches_before_it(
    shard: CorpusShard, vocabulary: MaskingVocabulary
) -> None:
    data = data_of(shard, vocabulary, seed=4)
    whole = list(data.block(0, 0, 0.0))
    alone = data.block(0, 0, 0.0)[len(whole) - 1]
    assert all(
        np.array_equal(a, b) for a, b in zip(alone.arrays(), whole[-1].arrays(), strict=True)
    )


def test_the_blocks_of_an_epoch_have_each_document_once(
    shard: CorpusShard, vocabulary: MaskingVocabulary
) -> None:
    """Words that occur once in the corpus come at most once in an epoch, and mostly do come."""
    counts = np.bincount(shard.ids, minlength=300)
    rare = np.flatnonzero(counts == counts[counts > 0].min())
    seen = np.zeros(300, int)
    for batch in batches(shard, vocabulary, seed=5):
        ids = batch.ids.copy().ravel()
        counted = batch.labels != IGNORED_LABEL
        ids[batch.masked[counted]] = batch.labels[counted]
        seen += np.bincount(ids, minlength=300)
    ordinary = ~vocabulary.is_special
    assert (seen[ordinary] <= counts[ordinary]).all()
    assert seen[ordinary].sum() > 0.7 * len(shard.ids)
    assert len(rare) > 0


def sequences_of(data: PretrainingData, epoch: int) -> set[tuple[bytes, bytes]]:
    """The masked ids and labels of each sequence that an epoch reads."""
    results = set()
    for number in range(data.blocks):
        for batch in data.block(epoch, number, 0.0):
            for own in range(batch.segment_ids.max() + 1):
                slots = np.flatnonzero(batch.segment_ids.ravel() == own)
                labels = batch.labels[
                    np.isin(batch.masked, slots) & (batch.labels != IGNORED_LABEL)
                ]
                results.add((batch.ids.ravel()[slots].tobytes(), labels.tobytes()))
    return results


def test_static_masks_are_the_same_in_each_epoch(
    shard: CorpusShard, vocabulary: MaskingVocabulary
) -> None:
    def fraction_in_common(static: bool) -> float:
        data = PretrainingData(shard, vocabulary, lambda _: SHAPE, 5, 10_000, static)
        first, second = sequences_of(data, 0), sequences_of(data, 1)
        assert [b.ids.tobytes() for b in data.block(0, 0, 0.0)] != [
            b.ids.tobytes() for b in data.block(1, 0, 0.0)
        ]
        return len(first & second) / len(first)

    assert fraction_in_common(static=True) > 0.9  # the rest of an epoch fills no batch
    assert fraction_in_common(static=False) < 0.05


def test_predictions_of_a_sequence_are_capped(
    shard: CorpusShard, vocabulary: MaskingVocabulary
) -> None:
    shape = BatchShape(rows=4, width=40, mlm_probability=0.3, max_predictions=2)
    assert shape.prediction_count == 16
    data = PretrainingData(shard, vocabulary, lambda fraction: shape, 6, block_pieces=1000)
    for batch in data.block(0, 0, 0.0):
        masked = batch.masked[batch.labels != IGNORED_LABEL]
        counts = np.bincount(batch.segment_ids.ravel()[masked])
        assert counts.max() == 2
