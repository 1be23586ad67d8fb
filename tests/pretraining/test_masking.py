from __future__ import annotations

import numpy as np
import pytest

from albertkit.arrays import BoolArray, Int32Array
from albertkit.pretraining.masking import MaskingVocabulary, mask_pieces, start_pieces
from albertkit.tokenization.vocabulary import SpecialIds


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ("▁well - known ▁ ( state", "▁well|- known|▁|( state"),
        ("▁don ' t", "▁don|' t"),
        ("▁3 . 14 159", "▁3|.|14|159"),
        ("▁a <unk> s é", "▁a|<unk> s|é"),
        ("un ##known 漢 字 ##s", "un ##known|漢|字 ##s"),
    ],
)
def test_words_start_as_in_googles_code(pieces: str, words: str) -> None:
    names = pieces.split()
    starts = start_pieces(names)
    joined = "".join(
        ("|" if s and n else " " if n else "") + p
        for n, (p, s) in enumerate(zip(names, starts, strict=True))
    )
    assert joined == words


def make_vocabulary(starts: BoolArray, special: SpecialIds) -> MaskingVocabulary:
    is_special = np.zeros(300, bool)
    is_special[list(special.all())] = True
    ordinary = np.flatnonzero(~is_special).astype(np.int32)
    return MaskingVocabulary(special, starts, is_special, ordinary)


STARTS = np.random.default_rng(0).random(300) < 0.6
USUAL = make_vocabulary(STARTS, SpecialIds(pad=0, unk=1, cls=2, sep=3, mask=4))
FOREIGN = make_vocabulary(STARTS, SpecialIds(pad=3, unk=0, cls=1, sep=2, mask=299))
both = pytest.mark.parametrize("vocabulary", [USUAL, FOREIGN], ids=["usual", "foreign"])


def example(rng: np.random.Generator, vocabulary: MaskingVocabulary) -> Int32Array:
    a, b = (rng.choice(vocabulary.ordinary_ids, n) for n in rng.integers(10, 60, 2))
    cls, sep = [vocabulary.special_ids.cls], [vocabulary.special_ids.sep]
    return np.concatenate((cls, a, sep, b, sep)).astype(np.int32)


@both
def test_masked_pieces_are_whole_words_between_separators(vocabulary: MaskingVocabulary) -> None:
    rng = np.random.default_rng(1)
    special = vocabulary.is_special
    for _ in range(200):
        ids = example(rng, vocabulary)
        masked = mask_pieces(ids, vocabulary, rng)
        positions = set(masked.positions.tolist())
        assert ids[masked.positions].tolist() == masked.labels.tolist()
        assert not special[masked.labels].any()
        assert len(positions) <= max(1, round(0.15 * (len(ids) - 3)))
        for position in positions:
            after = position + 1
            if not special[ids[after]] and not STARTS[ids[after]]:
                assert after in positions, "a word is masked from its start to its end"
        others = [n for n in range(len(ids)) if n not in positions]
        assert (masked.ids[others] == ids[others]).all()


@both
def test_of_ten_pieces_eight_are_masked_and_one_replaced(vocabulary: MaskingVocabulary) -> None:
    rng = np.random.default_rng(2)
    results = [mask_pieces(example(rng, vocabulary), vocabulary, rng) for _ in range(2000)]
    shown = np.concatenate([r.ids[r.positions] for r in results])
    labels = np.concatenate([r.labels for r in results])
    is_mask = shown == vocabulary.special_ids.mask
    assert len(shown) > 15_000
    assert abs(is_mask.mean() - 0.8) < 0.015
    assert abs((shown == labels).mean() - 0.1) < 0.015
    assert not vocabulary.is_special[shown[~is_mask]].any()


@pytest.mark.parametrize("length", [20, 128, 512])
@pytest.mark.parametrize("probability", [0.15, 0.3])
def test_the_asked_fraction_of_real_pieces_is_masked_at_any_length(
    probability: float, length: int
) -> None:
    """Special pieces are not counted, and no cap of 20 lowers the fraction at 512."""
    rng = np.random.default_rng(3)
    vocabulary = make_vocabulary(np.ones(300, bool), USUAL.special_ids)
    ids = np.full(length, 7, np.int32)
    ids[[0, length // 2, -1]] = 2, 3, 3
    masked = mask_pieces(ids, vocabulary, rng, probability)
    assert len(masked.positions) == round(probability * (length - 3))
    assert len(mask_pieces(ids, vocabulary, rng, probability, 20).positions) <= 20
