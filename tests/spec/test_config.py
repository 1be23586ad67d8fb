"""AlbertConfig: both JSON forms there and back, impossible values refused, the group rule."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.axes import CONFIG_AXES

from albertkit.errors import AlbertKitError, FormatError, InputError
from albertkit.spec import AlbertConfig
from albertkit.spec.presets import PRESETS, preset


@pytest.mark.parametrize("config", [*CONFIG_AXES, *PRESETS.values()])
def test_hugging_faces_json_goes_there_and_back(config: AlbertConfig) -> None:
    assert AlbertConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_googles_json_goes_there_and_back(config: AlbertConfig) -> None:
    google = config.to_google()
    assert google["hidden_act"] == "gelu"  # google's name of the tanh form
    assert AlbertConfig.from_google(google) == config


def test_googles_idle_keys_are_kept() -> None:
    google = {**PRESETS["albert-base-v2"].to_google(), "gap_size": 0, "layers_to_keep": []}
    assert AlbertConfig.from_google(google).to_google() == google


def test_the_erf_gelu_has_no_name_in_googles_json() -> None:
    with pytest.raises(InputError, match=r"no name for it.*\[config-value-invalid\]"):
        AlbertConfig(hidden_act="gelu").to_google()


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_transformers_reads_what_we_write_and_we_what_it_writes(config: AlbertConfig) -> None:
    values: dict[str, Any] = config.to_dict()
    theirs = transformers.AlbertConfig(**values)
    back = AlbertConfig.from_dict(theirs.to_dict())
    for name, value in config.to_dict().items():
        assert getattr(theirs, name) == value
        assert back.to_dict()[name] == value


def test_defaults_are_transformers() -> None:
    theirs = transformers.AlbertConfig()
    for name, value in AlbertConfig().to_dict().items():
        assert getattr(theirs, name) == value


def test_unknown_keys_survive_a_round_trip() -> None:
    values: dict[str, Any] = {"my_key": [1, {"a": None}], "id2label": {"0": "x"}}
    config = AlbertConfig.from_dict({**AlbertConfig().to_dict(), **values})
    assert config.num_labels == 1
    assert config.label2id == {"x": 0}
    assert config.to_dict()["my_key"] == [1, {"a": None}]


def test_a_number_of_labels_alone_makes_their_names() -> None:
    assert dict(AlbertConfig.from_dict({"num_labels": 3}).id2label) == {
        0: "LABEL_0",
        1: "LABEL_1",
        2: "LABEL_2",
    }


def test_an_epsilon_of_the_prediction_head_is_kept_only_where_it_has_one() -> None:
    assert "prediction_layer_norm_eps" not in AlbertConfig().to_dict()
    assert AlbertConfig(layer_norm_eps=1e-6).prediction_eps == 1e-6
    own = AlbertConfig(prediction_layer_norm_eps=1e-5)
    assert AlbertConfig.from_dict(own.to_dict()) == own
    assert (own.prediction_eps, own.layer_norm_eps) == (1e-5, 1e-12)


IMPOSSIBLE: list[dict[str, Any]] = [
    {"hidden_size": "768"},
    {"hidden_size": 768.0},
    {"num_hidden_layers": 0},
    {"vocab_size": True},
    {"hidden_dropout_prob": 1.0},
    {"attention_probs_dropout_prob": -0.1},
    {"layer_norm_eps": -1e-12},
    {"layer_norm_eps": float("nan")},
    {"prediction_layer_norm_eps": -1e-5},
    {"initializer_range": float("inf")},
    {"hidden_act": "gleu"},
    {"hidden_act": ["gelu"]},
    {"pad_token_id": "0"},
    {"problem_type": "guess"},
    {"num_hidden_layers": 10**9},
    {"inner_group_num": 10**9},
    {"hidden_size": 100, "num_attention_heads": 3},
]


@pytest.mark.parametrize("values", IMPOSSIBLE, ids=str)
def test_impossible_values_are_refused_by_name(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"\[config-value-invalid\]"):
        AlbertConfig(**values)
    with pytest.raises(FormatError, match=r"^x.json: .*\[config-value-invalid\]"):
        AlbertConfig.from_dict(values, where="x.json")


@pytest.mark.parametrize(
    "labels",
    [
        {"id2label": {}},
        {"id2label": {"0": "a", "2": "b"}},
        {"id2label": {"a": "b"}},
        {"id2label": ["a"]},
        {"num_labels": 0},
        {"num_labels": 10**12},
        {"num_labels": "2"},
    ],
    ids=str,
)
def test_impossible_labels_are_refused(labels: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=r"\[config-value-invalid\]"):
        AlbertConfig.from_dict(labels)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*AlbertConfig().to_dict(), "id2label", "num_labels", "extra"]), ANY_JSON)
def test_any_json_gives_a_config_or_our_error(name: str, value: Any) -> None:
    for read in (AlbertConfig.from_dict, AlbertConfig.from_google):
        try:
            config = read({"hidden_act": "gelu", name: value})
        except AlbertKitError:
            continue
        assert AlbertConfig.from_dict(config.to_dict()).to_dict() == config.to_dict()


def test_a_misspelt_activation_gets_the_nearest_name() -> None:
    with pytest.raises(AlbertKitError, match="did you mean 'gelu'"):
        AlbertConfig(hidden_act="gleu")


@pytest.mark.parametrize(
    ("layers", "groups", "layer", "group"),
    [
        (18, 14, 9, 7),  # transformers' floating point says 6
        (22, 22, 15, 15),  # google's says 14
        (12, 5, 11, 4),
        (3, 5, 2, 3),
    ],
)
def test_groups_follow_the_rule_in_whole_numbers(
    layers: int, groups: int, layer: int, group: int
) -> None:
    config = AlbertConfig(num_hidden_layers=layers, num_hidden_groups=groups)
    assert config.group_of(layer) == group


def test_a_layer_of_its_own_for_each_group_where_there_are_as_many() -> None:
    config = AlbertConfig(num_hidden_layers=22, num_hidden_groups=22)
    assert [config.group_of(layer) for layer in range(22)] == list(range(22))


def test_twelve_layers_in_five_groups() -> None:
    config = AlbertConfig(num_hidden_layers=12, num_hidden_groups=5)
    result = [config.group_of(layer) for layer in range(12)]
    assert result == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4]


def test_a_misspelt_field_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"AlbertConfig has no keyword 'hidden_sise'.*hidden_size"):
        AlbertConfig(hidden_sise=64)  # type: ignore[call-arg]  # the mistake under test


COPIES: list[Callable[[AlbertConfig], AlbertConfig]] = [
    copy.copy,
    copy.deepcopy,
    dataclasses.replace,
    lambda config: pickle.loads(pickle.dumps(config)),  # noqa: S301  # our own bytes
    lambda config: AlbertConfig(**dataclasses.asdict(config)),
]


@pytest.mark.parametrize("make_copy", COPIES)
def test_a_config_can_be_copied_and_pickled(make_copy: Callable[[AlbertConfig], object]) -> None:
    config = AlbertConfig(id2label={0: "x", 1: "y", 2: "z"}, extra={"use_cache": True})
    assert make_copy(config) == config


def test_a_number_of_labels_is_taken_as_in_transformers() -> None:
    values: dict[str, Any] = {"num_labels": 3}
    theirs = transformers.AlbertConfig(**values)
    config = AlbertConfig(num_labels=3)  # type: ignore[call-arg]  # no field
    assert dict(config.id2label) == theirs.id2label
    assert AlbertConfig(label2id={"a": 0, "b": 1}).id2label == {0: "a", 1: "b"}  # type: ignore[call-arg]
    with pytest.raises(InputError, match=r"num_labels is 3; id2label has 1 labels"):
        AlbertConfig(num_labels=3, id2label={0: "x"})  # type: ignore[call-arg]


def test_other_libraries_settings_can_be_set_and_are_written() -> None:
    config = AlbertConfig()
    config.use_cache = False  # as transformers' Trainer does
    config.pad_token_id = 1
    written = AlbertConfig.from_dict(config.to_dict())
    assert written.use_cache is False  # type: ignore[attr-defined]
    assert written.pad_token_id == 1


@pytest.mark.parametrize("name", ["hidden_size", "num_labels", "hidden_act"])
def test_what_weights_depend_on_cannot_be_set(name: str) -> None:
    config = AlbertConfig()
    with pytest.raises(InputError, match=rf"{name}.*\[config-value-invalid\]"):
        setattr(config, name, 7)
    assert config == AlbertConfig()


def test_an_impossible_value_that_is_set_leaves_the_former_one() -> None:
    config = AlbertConfig()
    with pytest.raises(InputError, match=r"pad_token_id is 'a'.*\[config-value-invalid\]"):
        config.pad_token_id = "a"  # type: ignore[assignment]  # the mistake under test
    assert config.pad_token_id == 0


def test_a_misspelt_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="hidden_sise"):
        AlbertConfig().hidden_sise  # type: ignore[attr-defined]  # noqa: B018


def test_the_numbers_of_numpy_are_numbers() -> None:
    config = AlbertConfig(
        hidden_size=np.int64(64),  # type: ignore[arg-type]
        num_attention_heads=np.array([4]).max(),
        layer_norm_eps=np.float64(1e-6),
    )
    assert json.loads(json.dumps(config.to_dict()))["hidden_size"] == 64
    with pytest.raises(InputError, match=r"\[config-value-invalid\]"):
        AlbertConfig(hidden_size=np.bool_(True))  # type: ignore[arg-type]


def test_valid_configs_of_transformers_are_read() -> None:
    values: dict[str, Any] = {
        "eos_token_id": [3],
        "id2label": {"1": "a", "2": "b"},
        "hidden_act": "gelu_python",
    }
    config = AlbertConfig.from_dict(values)
    assert (config.eos_token_id, config.activation) == ([3], "gelu_erf")
    assert config.id2label == {0: "a", 1: "b"}
    assert AlbertConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    "values", [{"position_embedding_type": "relative_key"}, {"pruned_heads": {"0": [1]}}], ids=str
)
def test_a_key_that_changes_the_arithmetic_is_refused(values: dict[str, Any]) -> None:
    (name,) = values
    with pytest.raises(FormatError, match=rf"{name} is .*\[config-not-albert\]"):
        AlbertConfig.from_dict(values)


def test_a_config_is_saved_and_read_as_transformers_does(tmp_path: Path) -> None:
    config = AlbertConfig(hidden_size=128, num_attention_heads=2)
    config.save_pretrained(tmp_path / "new")
    assert AlbertConfig.from_pretrained(tmp_path / "new") == config
    assert AlbertConfig.from_json_file(tmp_path / "new" / "config.json") == config
    assert transformers.AlbertConfig.from_pretrained(tmp_path / "new").hidden_size == 128
    (tmp_path / "tf1").mkdir()
    with pytest.raises(InputError, match=r'albertkit.load\(".*tf1"\).config.*file-not-found'):
        AlbertConfig.from_pretrained(tmp_path / "tf1")


def test_a_built_in_model_has_a_config() -> None:
    assert AlbertConfig.from_pretrained("small-en").hidden_size == 256


def test_a_preset_that_is_changed_stays_what_it_was() -> None:
    preset("base").pad_token_id = 7
    assert preset("base").pad_token_id == 0
