from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from albertkit.pretraining.masking import MaskingVocabulary
from albertkit.pretraining.sentence_order import Sequence, cut_document
from albertkit.pretraining.shards import SHORTEST, CorpusShard, Document, write_shard
from albertkit.spec.heads import IGNORED_LABEL
from albertkit.tokenization.vocabulary import SpecialIds
from tests.support.training_data import number_tokenizer

LENGTH = 48


def sequences(shard: CorpusShard, seed: int) -> Iterator[Sequence]:
    rng = np.random.default_rng(seed)
    return chain.from_iterable(
        cut_document(shard[n], LENGTH, shard.metadata.special_ids, rng) for n in range(len(shard))
    )


def bodies(sequence: Sequence, special_ids: SpecialIds) -> list[list[int]]:
    """The segments in their order in the document."""
    ids = sequence.ids.tolist()
    assert ids[0] == special_ids.cls
    assert ids[-1] == special_ids.sep
    parts: list[list[int]] = [[]]
    for i in ids[1:-1]:
        if i == special_ids.sep:
            parts.append([])
        else:
            parts[-1].append(i)
    return parts[::-1] if sequence.order == 1 else parts


def test_the_tokenizers_special_ids_are_used(
    shard: CorpusShard, vocabulary: MaskingVocabulary
) -> None:
    assert shard.metadata.special_ids == vocabulary.special_ids
    for sequence in sequences(shard, seed=1):
        special = sequence.ids[vocabulary.is_special[sequence.ids]].tolist()
        cls, sep = vocabulary.special_ids.cls, vocabulary.special_ids.sep
        assert special == ([cls, sep] if sequence.order == IGNORED_LABEL else [cls, sep, sep])


def test_only_a_short_tail_is_lost(shard: CorpusShard) -> None:
    ids = shard.metadata.special_ids
    seen = sorted(i for s in sequences(shard, 1) for part in bodies(s, ids) for i in part)
    assert 0 <= len(shard.ids) - len(seen) < SHORTEST * len(shard)
    counts = np.bincount(shard.ids, minlength=300) - np.bincount(seen, minlength=300)
    assert counts.min() >= 0


def test_no_segment_is_empty(vocabulary: MaskingVocabulary) -> None:
    """Sentences of zero-width characters have no pieces; one at the end would be a segment."""
    ids, offsets = np.arange(100, 130, dtype=np.int32), np.array([0, 10, 10, 30, 30, 30])
    orders = set()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        for s in cut_document(Document(ids, offsets), LENGTH, vocabulary.special_ids, rng):
            assert all(bodies(s, vocabulary.special_ids))
            orders.add(s.order)
    assert {0, 1} <= orders


def test_unswapped_segments_are_a_part_of_the_document(shard: CorpusShard) -> None:
    corpus = " " + " ".join(map(str, shard.ids.tolist())) + " "
    for s in sequences(shard, seed=2):
        body = " ".join(str(i) for part in bodies(s, shard.metadata.special_ids) for i in part)
        assert f" {body} " in corpus


def test_a_second_segment_begins_with_a_sentence(shard: CorpusShard) -> None:
    begins = {tuple(shard.ids[a : a + 4].tolist()) for a in shard.sentence_offsets[:-1]}
    parts = [bodies(s, shard.metadata.special_ids) for s in sequences(shard, seed=3)]
    pairs = [p for p in parts if len(p) == 2]
    assert len(pairs) > 20
    assert all(tuple(b[:4]) in begins for _, b in pairs if len(b) >= 4)


def test_types_and_length_are_right_and_half_are_swapped(shard: CorpusShard) -> None:
    orders = []
    for seed in range(20):
        for s in sequences(shard, seed):
            assert len(s.ids) == len(s.type_ids) <= LENGTH
            first = s.ids.tolist().index(shard.metadata.special_ids.sep) + 1
            assert s.type_ids.tolist() == [0] * first + [1] * (len(s.ids) - first)
            assert (s.order == IGNORED_LABEL) == (first == len(s.ids))
            orders.append(s.order)
    labelled = [o for o in orders if o != IGNORED_LABEL]
    assert abs(np.mean(labelled) - 0.5) < 0.06  # 700 fair coins: σ = 0.019


def test_the_same_seed_gives_the_same_sequences(shard: CorpusShard) -> None:
    one, two, other = ([s.ids.tolist() for s in sequences(shard, n)] for n in (5, 5, 6))
    assert one == two != other


def test_a_cut_sentence_does_not_give_the_order_away(shard: CorpusShard) -> None:
    """Both segments of a labelled pair end with a sentence, whichever comes first."""
    ends = {tuple(shard.ids[max(0, b - 4) : b].tolist()) for b in shard.sentence_offsets[1:]}
    for s in sequences(shard, seed=4):
        if s.order != IGNORED_LABEL:
            parts = bodies(s, shard.metadata.special_ids)
            assert all(tuple(part[-4:]) in ends for part in parts if len(part) >= 4)


def test_a_sentence_longer_than_a_sequence_is_cut_without_a_label(tmp_path: Path) -> None:
    sentence = " ".join(str(i) for i in range(5, 105))
    shard = write_shard(tmp_path / "s", [[sentence, "200 201"]], number_tokenizer(tmp_path))
    cut = list(sequences(shard, seed=1))
    ids = [i for s in cut for part in bodies(s, shard.metadata.special_ids) for i in part]
    assert ids == list(range(5, 5 + len(ids)))
    assert len(ids) > 100 - SHORTEST
    assert {s.order for s in cut} == {IGNORED_LABEL}
