"""Two places are equal where their answers, parts and ids are; every difference has its figure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.axes import random_weights
from tests.support.tiny_models import PIECES, TINY, save_tiny, save_tiny_vectors

from albertkit import AlbertTokenizer, convert, verify
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.conversion.differences import bits_equal, largest_difference
from albertkit.spec import Weights
from albertkit.spec.pooling_config import PoolingConfig

BIAS = "encoder.embedding_hidden_mapping_in.bias"


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "words", ["masked_lm"])


def moved(weights: Weights, by: float) -> Weights:
    changed = np.array(weights.arrays[BIAS])
    changed[3] += by
    return replace(weights, arrays={**weights.arrays, BIAS: changed})


def saved(weights: Weights, place: Path) -> Path:
    HUGGINGFACE.write(Checkpoint(weights), place)
    AlbertTokenizer.from_pretrained(PIECES).save_pretrained(place)
    return place


def test_a_conversion_is_equal_to_its_source(words: Path, tmp_path: Path) -> None:
    convert(words, tmp_path / "out", to="huggingface")
    found = verify(words, tmp_path / "out")
    assert found.is_equal
    assert found.outputs == {"sequence": 0, "masked_lm": 0}
    assert found.weights.line() == "28 of 28 tensors are bit-identical"
    assert found.tokenizers is not None
    assert found.tokenizers.line() == "the same ids for 42 sample texts"


def test_a_moved_number_is_found_and_named(words: Path, tmp_path: Path) -> None:
    other = saved(moved(random_weights(TINY, ["masked_lm"]), 0.25), tmp_path / "other")
    found = verify(words, other)
    assert not found.is_equal
    assert found.weights.identical == 27
    assert found.weights.differing == {BIAS: pytest.approx(0.25)}
    assert f"the largest |diff| is 2.5e-01, in {BIAS}" in found.weights.line()
    assert found.outputs is not None
    assert found.outputs["sequence"] > 1e-4
    assert found.reasons() == (f"their outputs differ by {found.largest:.1e}",)


def test_the_tolerance_is_the_callers(words: Path, tmp_path: Path) -> None:
    other = saved(moved(random_weights(TINY, ["masked_lm"]), 1e-3), tmp_path / "other")
    assert not verify(words, other).is_equal
    assert verify(words, other, tolerance=0.1).is_equal


def test_configs_differences_are_listed_and_count_only_by_what_they_change(
    words: Path, tmp_path: Path
) -> None:
    weights = random_weights(TINY, ["masked_lm"])
    dropout = replace(weights, config=replace(TINY, hidden_dropout_prob=0.1))
    found = verify(words, saved(dropout, tmp_path / "dropout"))
    assert list(map(str, found.configs)) == ["hidden_dropout_prob 0.0 / 0.1"]
    assert found.is_equal
    erf = replace(weights, config=replace(TINY, hidden_act="relu"))
    found = verify(words, saved(erf, tmp_path / "relu"))
    assert list(map(str, found.configs)) == ["hidden_act gelu_new / relu"]
    assert not found.is_equal


def test_models_of_other_shapes_are_compared_as_far_as_they_go(words: Path, tmp_path: Path) -> None:
    wide = replace(TINY, intermediate_size=64)
    found = verify(words, saved(random_weights(wide, ["masked_lm"]), tmp_path / "wide"))
    assert found.outputs is None
    assert found.reasons() == ("their shapes differ",)
    assert "have different shapes: encoder" in found.weights.line()


def test_a_part_that_only_one_has_makes_them_different(words: Path, tmp_path: Path) -> None:
    bare = saved(random_weights(TINY), tmp_path / "bare")
    found = verify(words, bare)
    assert found.reasons()[:2] == ("only one has the head masked_lm", "only one has a pooler")
    assert "2 are only in the second: pooler.weight, pooler.bias" in found.weights.line()


def test_tokenizers_are_told_apart_by_the_ids_of_probe_texts(words: Path, tmp_path: Path) -> None:
    other = save_tiny(tmp_path / "other", ["masked_lm"])
    AlbertTokenizer.from_pretrained(PIECES, policy="tfhub").save_pretrained(other)
    found = verify(words, other)
    assert found.reasons() == ("their tokenizers give different ids",)
    assert found.tokenizers is not None
    assert found.tokenizers.same_pieces
    assert "(policies 'reference' / 'tfhub')" in found.tokenizers.line()
    assert verify(words, other, tokenizers=False).is_equal


def test_a_place_without_a_tokenizer_is_compared_by_its_numbers(
    words: Path, tmp_path: Path
) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(TINY, ["masked_lm"])), tmp_path / "bare")
    found = verify(tmp_path / "bare", words)
    assert found.is_equal
    assert found.tokenizers is None
    assert found.inputs == "8 texts"


def test_how_vectors_are_made_is_compared(tmp_path: Path) -> None:
    mean = save_tiny_vectors(tmp_path / "mean", PoolingConfig())
    first = save_tiny_vectors(tmp_path / "first", PoolingConfig("cls"))
    assert verify(mean, mean).is_equal
    assert verify(mean, first).reasons() == (
        "they compute text vectors from token vectors differently",
    )


def test_what_is_told_holds_for_both_places(words: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    convert(words, other, to="huggingface")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "num_attention_heads": 8}))
    assert not verify(words, other).is_equal
    assert verify(words, other, num_attention_heads=8).is_equal


def test_bits_and_differences_know_odd_numbers() -> None:
    odd = np.array([0.0, np.nan, np.inf, 1.0], np.float32)
    assert bits_equal(odd, odd.copy())
    assert not bits_equal(np.zeros(1, np.float32), -np.zeros(1, np.float32))
    assert largest_difference(odd, odd.copy()) == 0
    assert largest_difference(odd, np.array([0, np.nan, np.inf, 1.5], np.float32)) == 0.5
    assert largest_difference(odd, np.ones(4, np.float32)) == np.inf
    assert bits_equal(odd.reshape(2, 2).T, np.ascontiguousarray(odd.reshape(2, 2).T))
