"""The recipes of the repository are valid."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from albertkit import load
from albertkit.errors import AlbertKitError
from albertkit.pretraining.distillation_config import DistillationConfig
from albertkit.pretraining.pretraining_config import PretrainingConfig
from albertkit.pretraining.recipe import read_recipe
from albertkit.spec.presets import preset
from albertkit.tokenization import AlbertTokenizer

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize(
    "path",
    sorted({*RECIPES.glob("*.toml"), *RECIPES.glob("paper/*.toml")}),
    ids=lambda path: path.stem,
)
def test_each_recipe_of_the_repository_is_valid(path: Path) -> None:
    is_pretraining = "shard =" in path.read_text()
    kind = PretrainingConfig if is_pretraining else DistillationConfig
    recipe = read_recipe(path, kind)
    # recipes for corpora of others name a tokenizer that is yet to be made
    is_here = recipe.path(recipe.data.tokenizer).exists()
    config = recipe.model.config(recipe.tokenizer() if is_here else tiny_tokenizer())
    assert config.head_size in {32, 64}
    if path.parent.name == "paper":
        published = preset(path.stem)
        assert replace(config, vocab_size=published.vocab_size) == published


@pytest.mark.parametrize(
    ("name", "kind"), [("small-en", PretrainingConfig), ("small-en-vectors", DistillationConfig)]
)
def test_a_built_in_model_has_a_recipe_that_reads_none_of_its_weights(
    name: str, kind: type[PretrainingConfig] | type[DistillationConfig]
) -> None:
    recipe = read_recipe(RECIPES / f"{name}.toml", kind)
    assert recipe.data.initialize_from == ""
    assert recipe.path(recipe.data.tokenizer).name == "spiece.model"
    assert not re.search(r"-[mt] small-en", (RECIPES / f"{name}.sh").read_text())
    assert recipe.model.config(recipe.tokenizer()) == replace(load(name).config, extra={})


def test_a_tokenizer_is_a_path_or_the_name_of_a_built_in_model(tmp_path: Path) -> None:
    text = (RECIPES / "small-en.toml").read_text()
    text = re.sub(r'tokenizer = ".*"', 'tokenizer = "small-en"', text)
    (tmp_path / "recipe.toml").write_text(text)
    recipe = read_recipe(tmp_path / "recipe.toml", PretrainingConfig)
    assert recipe.tokenizer().vocab_size == 16000
    tiny_tokenizer().save_pretrained(tmp_path / "small-en")
    assert recipe.tokenizer().vocab_size == tiny_tokenizer().vocab_size


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hidden_size = 256", "hidden_size = 0", r"hidden_size is 0.*config-value-invalid"),
        (
            "num_attention_heads = 4",
            "num_attention_heads = 9",
            r"num_attention_heads is 9.*invalid",
        ),
        (
            "[data]",
            "num_hidden_groups = 99\n[data]",
            r"num_hidden_groups is 99; .* layers.*\[recipe-value-invalid\]",
        ),
    ],
)
def test_sizes_that_no_model_has_are_refused_as_the_recipe_is_read(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    text = (RECIPES / "small-en.toml").read_text()
    assert old in text
    (tmp_path / "recipe.toml").write_text(text.replace(old, new))
    with pytest.raises(AlbertKitError, match=message):
        read_recipe(tmp_path / "recipe.toml", PretrainingConfig)


def tiny_tokenizer() -> AlbertTokenizer:
    return AlbertTokenizer.from_pretrained(RECIPES.parent / "tests/fixtures/tiny_sp1000.model")
