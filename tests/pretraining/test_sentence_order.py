from pathlib import Path

import numpy as np

from albertkit.pretraining.sentence_order import CLS, IGNORED, SEP, SHORTEST, Sequence, sequences
from albertkit.pretraining.shards import Shard, write_shard

from .conftest import number_words

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


def test_the_order_cannot_be_told_from_a_cut_sentence(shard: Shard) -> None:
    """Both segments of a labelled pair end where a sentence ends, whichever comes first."""
    ends = {tuple(shard.ids[max(0, b - 4) : b].tolist()) for b in shard.sentence_starts[1:]}
    for s in sequences(shard, LENGTH, seed=4):
        if s.order != IGNORED:
            assert all(tuple(part[-4:]) in ends for part in bodies(s) if len(part) >= 4)


def test_a_sentence_longer_than_the_room_is_cut_without_a_label(tmp_path: Path) -> None:
    sentence = " ".join(str(i) for i in range(5, 105)) + "."
    long = write_shard(tmp_path / "s", [[sentence, "200 201."]], number_words, vocab_size=300)
    found = list(sequences(long, LENGTH, seed=1))
    assert [i for s in found for part in bodies(s) for i in part] == list(range(5, 105))[
        : sum(len(part) for s in found for part in bodies(s))
    ]
    assert {s.order for s in found} == {IGNORED}
