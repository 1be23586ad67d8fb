import numpy as np
import pytest

from albertkit.pretraining.masking import MASK, hide, start_pieces
from albertkit.pretraining.sentence_order import CLS, SEP


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ("▁well - known ▁ ( state", "▁well|- known|▁|( state"),
        ("▁don ' t", "▁don|' t"),
        ("▁3 . 14 159", "▁3|.|14|159"),
        ("<unk> s é", "<unk> s|é"),
    ],
)
def test_words_begin_where_google_says(pieces: str, words: str) -> None:
    each = pieces.split()
    starts = start_pieces(each)
    found = "".join(
        ("|" if s and n else " " if n else "") + p
        for n, (p, s) in enumerate(zip(each, starts, strict=True))
    )
    assert found == words


def example(rng: np.random.Generator) -> np.ndarray:
    a, b = (rng.integers(5, 300, n) for n in rng.integers(10, 60, 2))
    return np.concatenate(([CLS], a, [SEP], b, [SEP])).astype(np.int32)


BEGINS = np.random.default_rng(0).random(300) < 0.6


def test_hidden_pieces_are_whole_words_between_separators() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        ids = example(rng)
        hidden = hide(ids, BEGINS, rng)
        places = set(hidden.places.tolist())
        assert ids[hidden.places].tolist() == hidden.labels.tolist()
        assert not places & set(np.flatnonzero(ids < 5).tolist())
        assert 1 <= len(places) <= round(0.15 * len(ids))
        for place in places:
            after = place + 1
            if ids[after] >= 5 and not BEGINS[ids[after]]:
                assert after in places, "a word is hidden from its start to its end"
        untouched = [n for n in range(len(ids)) if n not in places]
        assert (hidden.ids[untouched] == ids[untouched]).all()


def test_eight_tenths_are_masked_one_kept_one_replaced_by_no_special() -> None:
    rng = np.random.default_rng(2)
    shown, labels = [], []
    for _ in range(2000):
        hidden = hide(example(rng), BEGINS, rng)
        shown.append(hidden.ids[hidden.places])
        labels.append(hidden.labels)
    seen, true = np.concatenate(shown), np.concatenate(labels)
    assert len(seen) > 15_000
    assert abs((seen == MASK).mean() - 0.8) < 0.015
    assert abs((seen == true).mean() - 0.1) < 0.015
    assert seen[seen != MASK].min() >= 5


def test_about_the_wanted_share_is_hidden() -> None:
    rng = np.random.default_rng(3)
    every = np.ones(300, bool)
    shares = [
        len(hide(ids, every, rng).places) / len(ids) for ids in (example(rng) for _ in range(300))
    ]
    assert abs(np.mean(shares) - 0.15) < 0.01
