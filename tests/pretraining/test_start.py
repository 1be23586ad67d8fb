import numpy as np
import pytest

from albertkit.errors import InputError
from albertkit.pretraining.start import SPECIALS, SPREAD, start_table


def test_pieces_alike_stay_alike() -> None:
    chance = np.random.default_rng(0)
    plane = chance.normal(size=(50, 8)) @ chance.normal(size=(8, 32))
    table = start_table(plane, 8)
    assert table.shape == (50, 8)
    assert table.std() == pytest.approx(SPREAD, rel=0.2)
    centred = (plane - plane.mean(0))[SPECIALS:]
    want = centred @ centred.T
    got = table[SPECIALS:] @ table[SPECIALS:].T
    assert np.corrcoef(want.ravel(), got.ravel())[0, 1] > 0.9999  # eight directions hold all


def test_vectors_narrower_than_the_table_are_refused() -> None:
    with pytest.raises(InputError, match="piece-vectors-too-narrow"):
        start_table(np.zeros((10, 4)), 8)
