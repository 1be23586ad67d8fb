import numpy as np
import pytest

from albertkit.errors import InputError
from albertkit.pretraining.initialization import SPECIALS, SPREAD, aligned_start, directions


def test_pieces_alike_stay_alike() -> None:
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(50, 8)) @ rng.normal(size=(8, 32))
    table, projection = aligned_start(plane, 8)
    assert (table.shape, projection.shape) == ((50, 8), (32, 8))
    assert table.std() == pytest.approx(SPREAD, rel=0.2)
    centred = (plane - plane.mean(0))[SPECIALS:]
    want = centred @ centred.T
    got = table[SPECIALS:] @ table[SPECIALS:].T
    assert np.corrcoef(want.ravel(), got.ravel())[0, 1] > 0.9999  # eight directions hold all


def test_cosines_survive_the_first_directions() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(60, 6)) @ rng.normal(size=(6, 40)) + 1
    turned = vectors @ directions(vectors, 7)
    np.testing.assert_allclose(turned @ turned.T, vectors @ vectors.T, rtol=1e-9)


def test_vectors_narrower_than_asked_are_refused() -> None:
    with pytest.raises(InputError, match="piece-vectors-too-narrow"):
        directions(np.zeros((10, 4)), 8)
