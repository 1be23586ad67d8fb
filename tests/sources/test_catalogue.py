"""The list of models: what it says agrees with the sizes, the files and the hub's names."""

from __future__ import annotations

from typing import get_args

import pytest

from albertkit.errors import InputError
from albertkit.runtime import open_model
from albertkit.sources.catalogue import (
    CatalogueModel,
    Purpose,
    find_model,
    find_models,
    read_catalogue,
    read_shapes,
)
from albertkit.sources.huggingface import parse_name
from albertkit.sources.names import BUILTIN_MODELS
from albertkit.spec import AlbertConfig, parameter_table
from albertkit.spec.presets import PRESETS

MODELS = read_catalogue()
NAMES = [model.name for model in MODELS]


def config_of(model: CatalogueModel) -> AlbertConfig:
    return AlbertConfig.from_dict({"vocab_size": model.vocab_size, **read_shapes()[model.shape]})


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_parameters_are_those_of_the_shape(model: CatalogueModel) -> None:
    if model.is_builtin:
        assert model.parameters == open_model(model.name).weights.table().count()
    elif model.vocab_size is None:
        assert model.parameters is None
    else:
        config = config_of(model)
        hidden = config.hidden_size
        is_bert = config.embedding_size == hidden  # which has no projection
        projection = hidden * hidden + hidden if is_bert else 0
        assert model.parameters == parameter_table(config, pooler=True).count() - projection


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_a_model_is_built_in_or_on_the_hub(model: CatalogueModel) -> None:
    assert model.is_builtin or parse_name(model.name) is not None
    assert model.name in model.command
    assert model.purpose in get_args(Purpose)
    assert (model.scores is None) == (model.source is None)


@pytest.mark.parametrize("name", [name for name in PRESETS if name.startswith("albert-")])
def test_published_english_sizes_are_those_of_the_presets(name: str) -> None:
    preset, listed = PRESETS[name], config_of(find_model(name))
    heads = 16 if "xlarge" in name and "xxlarge" not in name else preset.num_attention_heads
    assert listed.num_attention_heads == heads  # the hub's copies of xlarge have 16
    for field in ("hidden_size", "num_hidden_layers", "intermediate_size", "embedding_size"):
        assert getattr(listed, field) == getattr(preset, field)


def test_built_in_models_come_first() -> None:
    assert {*NAMES[: len(BUILTIN_MODELS)]} == {*BUILTIN_MODELS}
    assert NAMES[0] == "small-en-vectors"
    assert len({*NAMES}) == len(NAMES)


def test_models_are_filtered_by_purpose_and_language() -> None:
    chinese = find_models(language="zh")
    assert chinese
    assert {model.languages for model in chinese} == {("zh",)}
    assert [model.name for model in find_models("words", "hi")] == ["ai4bharat/indic-bert"]
    assert {model.purpose for model in find_models("vectors")} == {"vectors"}


def test_a_language_without_a_model_is_named() -> None:
    with pytest.raises(
        InputError, match=r"language 'vi'; the list has as, bn, .*\[option-invalid\]"
    ):
        find_models(language="vi")


def test_a_model_is_found_with_and_without_its_owner() -> None:
    assert find_model("albert-base-v2") is find_model("albert/albert-base-v2")
    with pytest.raises(InputError, match=r"did you mean 'albert-base-v2'\?.*\[unknown-model\]"):
        find_model("albret-base-v2")
    with pytest.raises(InputError, match=r"'sentence-transformers/all-MiniLM-L6-v2'\?"):
        find_model("minilm")
