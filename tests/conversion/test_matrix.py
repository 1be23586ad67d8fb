"""Every format × every set of heads: what is written comes back bit by bit, or is refused.

TensorFlow writes TF Hub's modules: that column is in tests_tensorflow/. What int8 rounds is in
test_format_engine.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.axes import AXES, CONFIG, CONFIGS, random_weights
from tests.support.tiny_models import PIECES, TINY

from albertkit import AlbertTokenizer, convert
from albertkit.checkpoints import FORMATS, HUGGINGFACE, TARGETS, Checkpoint
from albertkit.checkpoints.format import Format
from albertkit.conversion.differences import compare_weights
from albertkit.errors import InputError
from albertkit.spec import HEADS

HEAD_SETS = ((), ("masked_lm", "sentence_order"), *((spec.name,) for spec in HEADS))
HERE = tuple(each.load() for each in TARGETS if each.name not in ("tfhub", "onnx-int8"))
TOLERANCE = {"onnx": 1e-5}  # there OpenVINO computes, from the file itself
# What a format has does not support: a head, or a model without a pooler.
NO_PLACE = {
    "sentence-transformers": {spec.name for spec in HEADS},
    "tf1": {"token_classification"},
    "keras-hub": {spec.name for spec in HEADS} - {"masked_lm", "sequence_classification"},
    "huggingface": set(),
    "onnx": set(),
}
# Axes that a format has no place for.
NO_AXIS = {
    "tf1": {"gelu_erf", "quick_gelu", "silu", "embedding_as_wide_as_hidden", "large_epsilon"},
    "keras-hub": {
        *("gelu_erf", "quick_gelu", "relu", "silu", "large_epsilon"),
        *("groups_of_two_layers", "groups_not_dividing_layers", "more_groups_than_layers"),
    },
}


def names_of(heads: tuple[str, ...]) -> str:
    return "+".join(heads) or "bare"


@pytest.mark.parametrize("heads", HEAD_SETS, ids=names_of)
@pytest.mark.parametrize("target", HERE, ids=lambda each: each.name)
def test_weights_heads_and_config_come_back(
    target: Format, heads: tuple[str, ...], tmp_path: Path
) -> None:
    weights = random_weights(TINY, heads, pooler=True)
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "source")
    AlbertTokenizer.from_pretrained(PIECES).save_pretrained(tmp_path / "source")
    if NO_PLACE[target.name] & set(heads):
        with pytest.raises(InputError, match=r"\[unsupported-by-format\]"):
            convert(tmp_path / "source", tmp_path / "out", to=target.name)
        assert not (tmp_path / "out").exists()
        return
    done = convert(tmp_path / "source", tmp_path / "out", to=target.name)
    assert done.parity.largest <= TOLERANCE.get(target.name, 0)
    assert done.parity.weights.identical == len(weights.table().stored)
    back = convert(tmp_path / "out", tmp_path / "back", to="huggingface")
    restored = HUGGINGFACE.read(tmp_path / "back").weights
    assert compare_weights(weights, restored).identical == len(weights.table().stored)
    assert restored.heads == weights.heads
    assert back.parity.largest == 0
    config = restored.config
    if "masked_lm" in heads and target.name == "keras-hub":
        assert config.prediction_eps == 1e-5
        config = replace(config, prediction_layer_norm_eps=None)
    assert replace(config, extra={}) == TINY


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("target", HERE, ids=lambda each: each.name)
def test_every_axis_comes_back_or_is_refused(target: Format, axis: str, tmp_path: Path) -> None:
    config = CONFIGS[axis]
    weights = random_weights(config, pooler=True)
    path = tmp_path / "out"
    if axis in NO_AXIS.get(target.name, ()):
        with pytest.raises(InputError, match=r"\[unsupported-by-format\]"):
            target.write(Checkpoint(weights), path)
        assert not path.exists()
        return
    target.write(Checkpoint(weights), path)
    restored = target.read(path).weights
    assert compare_weights(weights, restored).identical == len(weights.table().stored)
    # of the masked LM head, which is not there
    first = replace(restored.config, extra={}, prediction_layer_norm_eps=None)
    assert first == replace(config, prediction_layer_norm_eps=None)


@pytest.mark.parametrize(
    "read_only",
    [each.load() for each in FORMATS if each not in TARGETS],
    ids=lambda each: each.name,
)
def test_what_is_only_read_says_why_it_is_not_written(read_only: Format, tmp_path: Path) -> None:
    config = CONFIG
    with pytest.raises(InputError, match=r"\[unsupported-by-format\]"):
        read_only.write(Checkpoint(random_weights(config)), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
