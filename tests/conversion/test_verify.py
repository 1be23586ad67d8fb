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
from albertkit.conversion.differences import compute_largest_difference, have_equal_bits
from albertkit.spec import Weights
from albertkit.spec.pooling_config import PoolingConfig

BIAS = "encoder.embedding_hidden_mapping_in.bias"


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "words", ["masked_lm"])


def move_bias(weights: Weights, by: float) -> Weights:
    changed = np.array(weights.arrays[BIAS])
    changed[3] += by
    return replace(weights, arrays={**weights.arrays, BIAS: changed})


def save_weights(weights: Weights, path: Path) -> Path:
    HUGGINGFACE.write(Checkpoint(weights), path)
    AlbertTokenizer.from_pretrained(PIECES).save_pretrained(path)
    return path


def test_a_conversion_is_equal_to_its_source(words: Path, tmp_path: Path) -> None:
    convert(words, tmp_path / "out", to="huggingface")
    report = verify(words, tmp_path / "out")
    assert report.is_equal
    assert report.outputs == {"sequence": 0, "masked_lm": 0}
    assert report.weights.line() == "28 of 28 tensors are bit-identical"
    assert report.tokenizers is not None
    assert report.tokenizers.line() == "the same ids for 42 sample texts"


def test_a_moved_number_is_found_and_named(words: Path, tmp_path: Path) -> None:
    other = save_weights(move_bias(random_weights(TINY, ["masked_lm"]), 0.25), tmp_path / "other")
    report = verify(words, other)
    assert not report.is_equal
    assert report.weights.identical == 27
    assert report.weights.differing == {BIAS: pytest.approx(0.25)}
    assert f"the largest |diff| is 2.5e-01, in {BIAS}" in report.weights.line()
    assert report.outputs is not None
    assert report.outputs["sequence"] > 1e-4
    assert report.reasons() == (f"their outputs differ by {report.largest:.1e}",)


def test_the_tolerance_is_the_callers(words: Path, tmp_path: Path) -> None:
    other = save_weights(move_bias(random_weights(TINY, ["masked_lm"]), 1e-3), tmp_path / "other")
    assert not verify(words, other).is_equal
    assert verify(words, other, tolerance=0.1).is_equal


def test_configs_differences_are_listed_and_count_only_by_what_they_change(
    words: Path, tmp_path: Path
) -> None:
    weights = random_weights(TINY, ["masked_lm"])
    dropout = replace(weights, config=replace(TINY, hidden_dropout_prob=0.1))
    report = verify(words, save_weights(dropout, tmp_path / "dropout"))
    assert list(map(str, report.configs)) == ["hidden_dropout_prob 0.0 / 0.1"]
    assert report.is_equal
    erf = replace(weights, config=replace(TINY, hidden_act="relu"))
    report = verify(words, save_weights(erf, tmp_path / "relu"))
    assert list(map(str, report.configs)) == ["hidden_act gelu_new / relu"]
    assert not report.is_equal


def test_models_of_other_shapes_are_compared_as_far_as_they_go(words: Path, tmp_path: Path) -> None:
    wide = replace(TINY, intermediate_size=64)
    report = verify(words, save_weights(random_weights(wide, ["masked_lm"]), tmp_path / "wide"))
    assert report.outputs is None
    assert report.reasons() == ("their shapes differ",)
    assert "have different shapes: encoder" in report.weights.line()


def test_a_part_that_only_one_has_makes_them_different(words: Path, tmp_path: Path) -> None:
    bare = save_weights(random_weights(TINY), tmp_path / "bare")
    report = verify(words, bare)
    assert report.reasons()[:2] == ("only one has the head masked_lm", "only one has a pooler")
    assert "2 are only in the second: pooler.weight, pooler.bias" in report.weights.line()


def test_tokenizers_differ_by_the_ids_of_probe_texts(words: Path, tmp_path: Path) -> None:
    other = save_tiny(tmp_path / "other", ["masked_lm"])
    AlbertTokenizer.from_pretrained(PIECES, policy="tfhub").save_pretrained(other)
    report = verify(words, other)
    assert report.reasons() == ("their tokenizers give different ids",)
    assert report.tokenizers is not None
    assert report.tokenizers.same_pieces
    assert "(policies 'reference' / 'tfhub')" in report.tokenizers.line()
    assert verify(words, other, tokenizers=False).is_equal


def test_a_place_without_a_tokenizer_is_compared_by_its_numbers(
    words: Path, tmp_path: Path
) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(TINY, ["masked_lm"])), tmp_path / "bare")
    report = verify(tmp_path / "bare", words)
    assert report.is_equal
    assert report.tokenizers is None
    assert report.inputs == "8 texts"


def test_how_vectors_are_made_is_compared(tmp_path: Path) -> None:
    mean = save_tiny_vectors(tmp_path / "mean", PoolingConfig())
    first = save_tiny_vectors(tmp_path / "first", PoolingConfig("cls"))
    assert verify(mean, mean).is_equal
    assert verify(mean, first).reasons() == (
        "they compute text vectors from token vectors differently",
    )


def test_overrides_hold_for_both_models(words: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    convert(words, other, to="huggingface")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "num_attention_heads": 8}))
    assert not verify(words, other).is_equal
    assert verify(words, other, num_attention_heads=8).is_equal


def test_bits_and_differences_know_odd_numbers() -> None:
    odd = np.array([0.0, np.nan, np.inf, 1.0], np.float32)
    assert have_equal_bits(odd, odd.copy())
    assert not have_equal_bits(np.zeros(1, np.float32), -np.zeros(1, np.float32))
    assert compute_largest_difference(odd, odd.copy()) == 0
    assert compute_largest_difference(odd, np.array([0, np.nan, np.inf, 1.5], np.float32)) == 0.5
    assert compute_largest_difference(odd, np.ones(4, np.float32)) == np.inf
    assert have_equal_bits(odd.reshape(2, 2).T, np.ascontiguousarray(odd.reshape(2, 2).T))


@pytest.mark.parametrize("order", ["model and file", "file and model"])
def test_an_onnx_file_is_executed(order: str, words: Path, tmp_path: Path) -> None:
    convert(words, tmp_path / "onnx", to="onnx")
    pair = (words, tmp_path / "onnx") if order == "model and file" else (tmp_path / "onnx", words)
    report = verify(*pair)
    assert report.executed == (order == "file and model", order == "model and file")
    assert report.is_equal
    assert report.weights.line() == "28 of 28 tensors are bit-identical"
    assert 0 < report.largest < 1e-4  # another program computes: never all bits alike


def test_an_onnx_file_that_computes_something_else_is_different(
    words: Path, tmp_path: Path
) -> None:
    import onnx  # used here only

    convert(words, tmp_path / "onnx", to="onnx")
    path = tmp_path / "onnx" / "model.onnx"
    model = onnx.load(path)
    (tanh, *_) = [node for node in model.graph.node if node.op_type == "Tanh"]
    tanh.op_type = "Sigmoid"
    onnx.save(model, path)
    report = verify(words, tmp_path / "onnx")
    assert report.weights.line() == "28 of 28 tensors are bit-identical"
    assert not report.is_equal


def test_an_int8_file_is_not_equal_to_its_source_but_to_itself(tmp_path: Path) -> None:
    source = save_tiny_vectors(tmp_path / "vectors", PoolingConfig())
    convert(source, tmp_path / "int8", to="onnx-int8")
    assert not verify(source, tmp_path / "int8").is_equal
    assert verify(tmp_path / "int8", tmp_path / "int8").is_equal
