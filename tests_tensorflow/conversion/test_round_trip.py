"""From Hugging Face through every other place and back: no bit of a weight changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.axes import AXES, SMALL, random_weights
from tests.support.tiny_models import TINY

from albertkit import convert
from albertkit.checkpoints import HUGGINGFACE, Checkpoint, read_checkpoint
from albertkit.conversion.differences import compare_weights
from albertkit.errors import InputError
from albertkit.spec import HEADS, AlbertConfig
from albertkit.spec.presets import preset

WAY = ("tfhub", "huggingface", "tf1", "huggingface", "keras-hub", "huggingface")
# Axes that a TF Hub encoder cannot hold; of the heads it holds masked LM only.
NO_AXIS = {
    *("groups_of_two_layers", "groups_not_dividing_layers", "more_groups_than_layers"),
    *("two_inner_layers", "embedding_as_wide_as_hidden", "large_epsilon"),
    *("epsilon_of_the_prediction_head", "quick_gelu"),
}


def test_a_base_model_comes_back_bit_by_bit(tmp_path: Path) -> None:
    config = preset("base")
    weights = random_weights(config, ["masked_lm"], pooler=True)
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "0")
    for number, target in enumerate(WAY):
        done = convert(tmp_path / str(number), tmp_path / str(number + 1), to=target)
        assert done.parity.weights.identical == len(weights.table().stored), target
    restored = read_checkpoint(tmp_path / str(len(WAY))).weights
    assert compare_weights(weights, restored).identical == len(weights.table().stored)
    assert restored.heads == weights.heads
    # Keras Hub's own epsilon of the masked LM head stays with the model
    assert restored.config.prediction_eps == 1e-5
    assert replace(restored.config, extra={}, prediction_layer_norm_eps=None) == config


@pytest.mark.parametrize("heads", [(), *((spec.name,) for spec in HEADS)], ids=str)
def test_heads_come_back_from_tf_hub_or_are_refused(heads: tuple[str, ...], tmp_path: Path) -> None:
    weights = random_weights(TINY, heads, pooler=True)
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "source")
    if set(heads) - {"masked_lm"}:
        with pytest.raises(InputError, match=r"\[unsupported-by-format\]"):
            convert(tmp_path / "source", tmp_path / "out", to="tfhub")
        assert not (tmp_path / "out").exists()
        return
    done = convert(tmp_path / "source", tmp_path / "out", to="tfhub")
    assert 0 < done.parity.largest < 1e-5, "TensorFlow's own graph is asked"
    restored = read_checkpoint(tmp_path / "out").weights
    assert compare_weights(weights, restored).identical == len(weights.table().stored)
    assert restored.heads == heads


@pytest.mark.parametrize("axis", AXES)
def test_axes_come_back_from_tf_hub_or_are_refused(axis: str, tmp_path: Path) -> None:
    config = AlbertConfig(**{**SMALL, **AXES[axis]})  # type: ignore[arg-type]  # plain data
    weights = random_weights(config, ["masked_lm"], pooler=True)
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "source")
    if axis in NO_AXIS:
        with pytest.raises(InputError, match=r"\[unsupported-by-format\]"):
            convert(tmp_path / "source", tmp_path / "out", to="tfhub")
        return
    convert(tmp_path / "source", tmp_path / "out", to="tfhub")
    restored = read_checkpoint(tmp_path / "out").weights
    assert compare_weights(weights, restored).identical == len(weights.table().stored)
    assert restored.config.activation == config.activation
