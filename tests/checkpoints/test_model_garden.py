"""Model Garden's object checkpoints: the weights of modules whose outputs are known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.modules import HERE, fixture, reference
from tests.support.tensorflow_parity import assert_engines_compute, assert_torch_computes

from albertkit.checkpoints import Checkpoint, format_of
from albertkit.checkpoints.format import ConfigOverrides
from albertkit.checkpoints.model_garden.format import MODEL_GARDEN
from albertkit.errors import AlbertKitError, FormatError, InputError

OVERRIDES = ConfigOverrides(num_hidden_layers=3, hidden_act="gelu_new")
GOOGLE = {
    "vocab_size": 1000,
    "embedding_size": 16,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
}


@pytest.fixture
def pretrainer(tmp_path: Path) -> Path:
    return fixture("mg_tiny_pretrainer", HERE, tmp_path)


def test_a_pretrainer_computes_what_its_module_does(pretrainer: Path) -> None:
    checkpoint_format, evidence = format_of(pretrainer)
    assert (checkpoint_format.name, evidence) == (
        "model-garden",
        "model.ckpt-1.index with a graph of objects",
    )
    weights = MODEL_GARDEN.read(pretrainer, OVERRIDES).weights
    assert weights.heads == ("masked_lm",)
    assert_torch_computes(weights, reference("tfhub_tiny_v3", HERE))
    assert_engines_compute(weights, reference("tfhub_tiny_v3", HERE))


def test_an_encoder_computes_what_its_module_does(shared: Path, tmp_path: Path) -> None:
    path = fixture("mg_tiny_encoder", shared / "fixtures", tmp_path)
    stored = MODEL_GARDEN.read(path, ConfigOverrides(num_hidden_layers=2, hidden_act="gelu_new"))
    assert (stored.weights.heads, stored.notes) == ((), ())
    assert_torch_computes(stored.weights, reference("tfhub_tiny_v3_nomlm", HERE))
    assert_engines_compute(stored.weights, reference("tfhub_tiny_v3_nomlm", HERE))


def test_without_a_configuration_the_missing_flags_are_named(pretrainer: Path) -> None:
    with pytest.raises(FormatError, match=r"--num-hidden-layers and --hidden-act.*metadata-miss"):
        MODEL_GARDEN.read(pretrainer)
    with pytest.raises(FormatError, match=r"no file says hidden_act; .*Give --hidden-act"):
        MODEL_GARDEN.read(pretrainer, ConfigOverrides(num_hidden_layers=3))


def test_a_configuration_in_the_directory_is_googles(pretrainer: Path) -> None:
    (pretrainer / "albert_config.json").write_text(json.dumps(GOOGLE))
    stored = MODEL_GARDEN.read(pretrainer)
    assert stored.weights.config.num_hidden_layers == 3
    assert stored.weights.config.hidden_act == "gelu_new"
    assert stored.notes == ()
    overridden = MODEL_GARDEN.read(pretrainer, ConfigOverrides(num_hidden_layers=4))
    assert overridden.weights.config.num_hidden_layers == 4
    assert [note.code for note in overridden.notes] == ["metadata-overridden"]


def test_a_configuration_of_another_model_is_refused(pretrainer: Path) -> None:
    other = {**GOOGLE, "num_attention_heads": 8}
    (pretrainer / "albert_config.json").write_text(json.dumps(other))
    with pytest.raises(FormatError, match=r"num_attention_heads is 8; by the shapes.* it is 4"):
        MODEL_GARDEN.read(pretrainer)


def test_a_prefix_and_an_index_file_mean_the_same_checkpoint(pretrainer: Path) -> None:
    for name in ("model.ckpt-1", "model.ckpt-1.index"):
        assert MODEL_GARDEN.recognises(pretrainer / name) is not None
        assert words_of(MODEL_GARDEN.read(pretrainer / name, OVERRIDES)).shape == (1000, 16)


def test_of_several_checkpoints_the_latest_is_taken(pretrainer: Path) -> None:
    for ending in ("index", "data-00000-of-00001"):
        shutil.copy(pretrainer / f"model.ckpt-1.{ending}", pretrainer / f"model.ckpt-2.{ending}")
    latest = pretrainer / "checkpoint"
    latest.write_text('model_checkpoint_path: "/somewhere/else/model.ckpt-2"\n')
    evidence = "model.ckpt-2.index with a graph of objects"
    assert MODEL_GARDEN.recognises(pretrainer) == evidence
    latest.unlink()
    with pytest.raises(
        InputError, match=r"model.ckpt-1, model.ckpt-2.*by its prefix.*checkpoint-ambiguous"
    ):
        MODEL_GARDEN.recognises(pretrainer)


def test_nothing_can_be_written(pretrainer: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unsupported-by-format"):
        MODEL_GARDEN.write(MODEL_GARDEN.read(pretrainer, OVERRIDES), tmp_path / "new")
    assert not (tmp_path / "new").exists()


@settings(max_examples=100)
@given(st.data())
def test_a_damaged_checkpoint_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = fixture("mg_tiny_pretrainer", HERE, tmp_path_factory.mktemp("damaged"))
    file = path / data.draw(
        st.sampled_from(["model.ckpt-1.index", "model.ckpt-1.data-00000-of-00001"])
    )
    broken = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(broken[: data.draw(st.integers(len(broken) // 2, len(broken)))])
    try:
        words = words_of(MODEL_GARDEN.read(path, OVERRIDES))
    except AlbertKitError:
        return
    assert words.shape == (1000, 16)


def words_of(stored: Checkpoint) -> np.ndarray:
    return stored.weights.arrays["embeddings.word_embeddings.weight"]
