"""TensorFlow itself wrote the fixtures; ours must read them, and write them again byte by byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from albertkit.fileformats.tensorbundle import read_bundle

FIXTURES = Path(__file__).parents[1] / "fixtures"
SQUAD = FIXTURES / "tf1_tiny_squad1" / "model.ckpt-best"


def test_shapes_are_known_before_anything_is_read() -> None:
    bundle = read_bundle(SQUAD)
    assert bundle.shapes["cls/squad/output_weights"] == (2, 32)


def test_arrays_are_views_of_the_file_where_they_lie_aligned() -> None:
    bundle = read_bundle(SQUAD)
    found = bundle["bert/embeddings/word_embeddings"]
    assert found.dtype == np.float32
    assert found.shape == (1000, 16)
    assert not found.flags.owndata
    assert not found.flags.writeable
