import numpy as np

from albertkit.pretraining.batches import BatchShape, batches
from albertkit.pretraining.sentence_order import CLS, IGNORED
from albertkit.pretraining.shards import Shard

SHAPE = BatchShape(rows=4, width=40)
BEGINS = np.ones(300, bool)


def test_each_text_lies_in_one_row_with_its_own_positions(shard: Shard) -> None:
    for batch in batches(shard, SHAPE, BEGINS, seed=1):
        for owner in range(batch.segment_ids.max() + 1):
            row, slots = np.nonzero(batch.segment_ids == owner)
            assert len(set(row)) == 1
            assert slots.tolist() == list(range(slots[0], slots[0] + len(slots)))
            assert batch.positions[row, slots].tolist() == list(range(len(slots)))
            assert batch.ids[row[0], slots[0]] == CLS
            assert batch.firsts[owner] == row[0] * SHAPE.width + slots[0]
        assert batch.real == (batch.segment_ids >= 0).sum()


def test_every_batch_has_one_shape_and_is_nearly_full(shard: Shard) -> None:
    found = list(batches(shard, SHAPE, BEGINS, seed=2))
    assert len(found) > 3
    assert {tuple(a.shape for a in b.arrays()) for b in found} == {
        ((4, 40),) * 4 + ((24,), (24,), (8,), (8,))
    }
    assert np.mean([b.real for b in found]) > 0.8 * 160  # stretches of whole sentences, 5-14 ids


def test_labels_stand_at_owned_slots(shard: Shard) -> None:
    for batch in batches(shard, SHAPE, BEGINS, seed=3):
        counted = batch.labels != IGNORED
        assert counted.sum() > 10
        assert (batch.segment_ids.ravel()[batch.masked[counted]] >= 0).all()
        assert (batch.labels[counted] >= 5).all()


def test_an_epoch_is_a_function_of_seed_and_number(shard: Shard) -> None:
    def ids(seed: int, epoch: int) -> list[bytes]:
        return [b.ids.tobytes() for b in batches(shard, SHAPE, BEGINS, seed=seed, epoch=epoch)]

    assert ids(1, 0) == ids(1, 0)
    assert ids(1, 0) != ids(1, 1)
    assert ids(1, 0) != ids(2, 0)
