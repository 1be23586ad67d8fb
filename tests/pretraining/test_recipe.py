"""The recipes of the repository are valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from albertkit.pretraining.distillation import DistillationConfig
from albertkit.pretraining.pretrain import PretrainingConfig
from albertkit.pretraining.recipe import read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_each_recipe_of_the_repository_is_valid(path: Path) -> None:
    is_pretraining = "shard =" in path.read_text()
    kind = PretrainingConfig if is_pretraining else DistillationConfig
    recipe = read_recipe(path, kind)
    config = recipe.model.config(recipe.tokenizer())
    assert config.vocab_size == recipe.tokenizer().vocab_size
    assert config.head_size in {32, 64}
