"""Model Garden's variables: read by their names, however the writer's models were called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.axes import AXES, CONFIG, CONFIGS, random_weights
from tests.support.object_checkpoints import write_object_checkpoint

from albertkit.arrays import FloatArray
from albertkit.checkpoints.format import ConfigOverrides
from albertkit.checkpoints.model_garden.bert_names import list_bert_variables
from albertkit.checkpoints.model_garden.format import MODEL_GARDEN
from albertkit.checkpoints.model_garden.names import PROJECTED, list_rows
from albertkit.checkpoints.model_garden.variables import GardenVariables
from albertkit.checkpoints.names import ForeignArrays, make_identity_projection
from albertkit.errors import FormatError
from albertkit.fileformats.reader import JsonValue
from albertkit.fileformats.tensorflow.tensor_bundle import read_bundle
from albertkit.spec import AlbertConfig, Weights

WORDS = "word_embeddings/embeddings"
QUERY = "transformer/self_attention/query/kernel"
GROUPLESS = [name for name, axis in AXES.items() if "group" not in str([*axis])]


def variables_of(weights: Weights) -> dict[str, FloatArray]:
    table = list_bert_variables if weights.config.num_hidden_groups > 1 else list_rows
    return dict(ForeignArrays(weights, table(weights.config, weights.heads)))


def open_variables(tmp_path: Path, variables: dict[str, FloatArray]) -> GardenVariables:
    return GardenVariables(read_bundle(write_object_checkpoint(tmp_path / "ckpt", variables)))


PLAIN = random_weights(CONFIGS["plain"], ["masked_lm"], pooler=True)


@pytest.mark.parametrize("axis", GROUPLESS)
def test_weights_come_back_as_they_were(tmp_path: Path, axis: str) -> None:
    config = CONFIGS[axis]
    weights = random_weights(config, ["masked_lm"], pooler=True)
    variables = open_variables(tmp_path, variables_of(weights))
    fields: dict[str, JsonValue] = {
        "num_hidden_layers": config.num_hidden_layers,
        "hidden_act": config.hidden_act,
    }
    again = AlbertConfig.from_dict(fields | dict(variables.fields()))
    with_eps = replace(
        again,
        layer_norm_eps=config.layer_norm_eps,
        prediction_layer_norm_eps=config.prediction_layer_norm_eps,
    )
    assert with_eps == config
    assert_same(variables.weights(again)[0], weights)


def test_a_bert_of_three_layers_has_three_groups(tmp_path: Path) -> None:
    bert = replace(CONFIG, num_hidden_groups=3, embedding_size=32)
    weights = random_weights(bert, ["masked_lm"], pooler=True)
    write_object_checkpoint(tmp_path / "ckpt", variables_of(weights))
    restored = MODEL_GARDEN.read(tmp_path / "ckpt", ConfigOverrides(hidden_act="gelu_new")).weights
    assert (restored.config.num_hidden_layers, restored.config.num_hidden_groups) == (3, 3)
    assert_same(restored, weights)


def test_a_projection_that_is_there_is_read_even_where_it_need_not_be(tmp_path: Path) -> None:
    weights = random_weights(CONFIGS["embedding_as_wide_as_hidden"], pooler=True)
    table = (*list_rows(weights.config), *PROJECTED)
    variables = open_variables(tmp_path, dict(ForeignArrays(weights, table)))
    again = variables.weights(weights.config)[0].arrays
    for row in PROJECTED:
        np.testing.assert_array_equal(again[row.canonical], weights.arrays[row.canonical])


def test_names_of_the_writers_models_are_seen_through(tmp_path: Path) -> None:
    renamed = {
        f"my/bert_pretrainer/{name.removeprefix('bert/')}"
        if name.startswith("bert/cls/")
        else f"my_encoder/{name}": array
        for name, array in variables_of(PLAIN).items()
    }
    variables = open_variables(tmp_path, renamed)
    assert variables.heads == ("masked_lm",)
    assert_same(variables.weights(PLAIN.config)[0], PLAIN)


def test_variables_of_the_optimizer_are_left_out_with_a_note(tmp_path: Path) -> None:
    own = variables_of(PLAIN)
    slots = {f"Adam/m/{name}": array for name, array in own.items()}
    later = {f"{name}/Adam/v": array for name, array in own.items()}
    variables = open_variables(
        tmp_path, {**slots, **own, **later, "save_counter": np.array(3, np.float32)}
    )
    weights, notes = variables.weights(PLAIN.config)
    assert_same(weights, PLAIN)
    assert [(note.code, note.what.split()[0]) for note in notes] == [
        ("checkpoint-extra-tensors", "60")
    ]


def test_two_encoders_are_not_guessed_between(tmp_path: Path) -> None:
    own = variables_of(PLAIN)
    both = {
        f"{model}/{name}": a for model in ("generator", "discriminator") for name, a in own.items()
    }
    with pytest.raises(FormatError, match=rf"2 variables are called {WORDS}.*without-encoder"):
        open_variables(tmp_path, both)


def test_a_missing_variable_is_named_in_both_namings(tmp_path: Path) -> None:
    without = variables_of(PLAIN)
    del without["pooler_transform/bias"]
    with pytest.raises(FormatError, match=r"pooler_transform/bias \(pooler.bias\).*without-enc"):
        open_variables(tmp_path, without).weights(PLAIN.config)
    del without[QUERY]
    with pytest.raises(FormatError, match=rf"no variables are called {QUERY}"):
        open_variables(tmp_path, without).fields()


@pytest.mark.parametrize("shape", [(32, 32), (1_000_000, 1, 1), (32, 4, 0), (0, 4, 8)])
def test_a_kernel_that_is_no_attentions_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Before anything is made of the widths that it claims."""
    changed = {**variables_of(PLAIN), QUERY: np.zeros(shape, np.float32)}
    with pytest.raises(FormatError, match=rf"{QUERY} has the shape.*shape-mismatch"):
        open_variables(tmp_path, changed).fields()


def assert_same(actual: Weights, wanted: Weights) -> None:
    """Where E equals H there is no projection in the file, so that it is the identity."""
    assert actual.heads == wanted.heads
    expected = {**wanted.arrays, **make_identity_projection(wanted.config)}
    assert set(actual.arrays) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(actual.arrays[name], array, err_msg=name)
