"""A linear head on text vectors: its arithmetic, and its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from albertkit.checkpoints.format import read_vector_head
from albertkit.errors import FormatError, InputError
from albertkit.spec.vector_head import VectorHead, make_pair_features

RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.normal(size=(2, 5, 4)).astype(np.float32)


def make_head(features: int, *, reads_pairs: bool = False) -> VectorHead:
    weight = RNG.normal(size=(3, features)).astype(np.float32)
    bias = RNG.normal(size=3).astype(np.float32)
    return VectorHead(weight, bias, ("a", "b", "ç"), reads_pairs=reads_pairs, temperature=2.0)


def test_logits_are_one_product_over_the_temperature() -> None:
    head = make_head(4)
    expected = [(head.weight @ vector + head.bias) / 2 for vector in FIRST]
    np.testing.assert_allclose(head.logits(FIRST), expected, rtol=1e-5)


def test_a_pair_has_both_vectors_their_distance_and_product() -> None:
    features = make_pair_features(FIRST, SECOND)
    u, v = FIRST[2], SECOND[2]
    np.testing.assert_array_equal(features[2], np.concatenate([u, v, abs(u - v), u * v]))
    assert make_head(16, reads_pairs=True).logits(FIRST, SECOND).shape == (5, 3)


def test_a_head_survives_its_files(tmp_path: Path) -> None:
    head = make_head(16, reads_pairs=True)
    assert read_vector_head(tmp_path) is None
    head.write(tmp_path)
    assert read_vector_head(tmp_path) is not None
    copy = VectorHead.read(tmp_path)
    np.testing.assert_array_equal(copy.logits(FIRST, SECOND), head.logits(FIRST, SECOND))
    assert (copy.labels, copy.problem_type) == (head.labels, head.problem_type)


def test_pairs_and_widths_are_checked() -> None:
    with pytest.raises(InputError, match=r"pairs are given.*\[inputs-shape\]"):
        make_head(4).logits(FIRST, SECOND)
    with pytest.raises(InputError, match=r"4 features.*reads 7.*\[inputs-shape\]"):
        make_head(7).logits(FIRST)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("labels", ["a", "b"]),
        ("labels", []),
        ("labels", 3),
        ("problem_type", "ranking"),
        ("temperature", 0),
        ("temperature", "warm"),
    ],
)
def test_damaged_settings_are_refused(tmp_path: Path, key: str, value: object) -> None:
    make_head(4).write(tmp_path)
    path = tmp_path / "classifier.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(FormatError, match=r"\[classifier-malformed\]"):
        VectorHead.read(tmp_path)
