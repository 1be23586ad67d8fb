import numpy as np

from albertkit.pretraining.order_pairs import CLS, IGNORED, SEP, SHORTEST, Sequence, sequences
from albertkit.pretraining.shards import Shard

LENGTH = 48


def bodies(sequence: Sequence) -> list[list[int]]:
    """The segments in their order in the document."""
    ids = sequence.ids.tolist()
    assert ids[0] == CLS
    assert ids[-1] == SEP
    parts, part = [], []
    for i in ids[1:]:
        if i == SEP:
            parts.append(part)
            part = []
        else:
            part.append(i)
    return parts[::-1] if sequence.order == 1 else parts


def test_no_piece_is_lost_but_a_short_tail(shard: Shard) -> None:
    found = sorted(i for s in sequences(shard, LENGTH, seed=1) for part in bodies(s) for i in part)
    tails = len(shard.ids) - len(found)
    assert 0 <= tails < SHORTEST * len(shard)
    counts = np.bincount(shard.ids, minlength=300) - np.bincount(found, minlength=300)
    assert counts.min() >= 0


def test_unswapped_segments_stand_in_the_document(shard: Shard) -> None:
    stretch = " " + " ".join(map(str, shard.ids.tolist())) + " "
    for s in sequences(shard, LENGTH, seed=2):
        joined = " ".join(str(i) for part in bodies(s) for i in part)
        assert f" {joined} " in stretch


def test_a_second_segment_begins_with_a_sentence(shard: Shard) -> None:
    begins = {tuple(shard.ids[a : a + 4].tolist()) for a in shard.sentence_starts[:-1]}
    pairs = [p for s in sequences(shard, LENGTH, seed=3) if len(p := bodies(s)) == 2]
    assert len(pairs) > 20
    assert all(tuple(b[:4]) in begins for _, b in pairs if len(b) >= 4)


def test_types_and_length_are_right_and_half_are_swapped(shard: Shard) -> None:
    orders = []
    for seed in range(20):
        for s in sequences(shard, LENGTH, seed):
            assert len(s.ids) == len(s.type_ids) <= LENGTH
            first = s.ids.tolist().index(SEP) + 1
            assert s.type_ids.tolist() == [0] * first + [1] * (len(s.ids) - first)
            assert (s.order == IGNORED) == (first == len(s.ids))
            orders.append(s.order)
    labelled = [o for o in orders if o != IGNORED]
    assert abs(np.mean(labelled) - 0.5) < 0.05  # 1,000 fair coins: σ = 0.016


def test_the_same_seed_gives_the_same_sequences(shard: Shard) -> None:
    one, two, other = ([s.ids.tolist() for s in sequences(shard, LENGTH, n)] for n in (5, 5, 6))
    assert one == two != other
