"""The page and the model card show the results of the search; each variant is a valid recipe."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from albertkit.pretraining.losses import PackedPretraining
from albertkit.sources import WORDS, resolve_location
from pretraining_search import RESULTS, VARIANTS, make_recipe

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_and_the_card_show_the_results() -> None:
    command = [sys.executable, "benchmarks/pretraining_search.py", "--table"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed in (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    assert printed in (resolve_location(WORDS) / "README.md").read_text(encoding="utf-8")
    for span, runs in json.loads(RESULTS.read_text(encoding="utf-8")).items():
        assert runs.keys() <= VARIANTS.keys()
        assert all(0 <= run["seconds"] - int(span) < 3 for run in runs.values()), "equal seconds"


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_has_its_settings_and_computes_all_its_groups(name: str) -> None:
    recipe = make_recipe(VARIANTS[name], 180, "small-en-vectors")
    for key, value in VARIANTS[name].items():
        table = recipe.model if hasattr(recipe.model, key) else recipe.data
        assert key == "teacher" or getattr(table, key) == value
    assert (recipe.data.teacher == "small-en-vectors") == ("teacher" in VARIANTS[name])
    model = PackedPretraining(recipe.model.config(recipe.tokenizer()), recipe.data.depth)
    for depth in recipe.data.depth.values():
        model.set_depth(depth)
        assert len(model.albert.encoder.order) == depth <= recipe.model.num_hidden_layers
        assert set(model.albert.encoder.order) == set(range(recipe.model.num_hidden_groups))
