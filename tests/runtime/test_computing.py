"""What `load` takes is taken by all that open a model, under the same names."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import get_type_hints

import pytest

from albertkit import FillMask, TextEmbedder, load
from albertkit.cli.embed import embed
from albertkit.cli.fill_mask import fill_mask
from albertkit.cli.model_options import OPTIONS
from albertkit.cli.similarity import similarity
from albertkit.errors import InputError
from albertkit.runtime import Computing, Opening
from albertkit.tasks.jobs.embed_job import EmbedJob

# What a task has other words for, or no use for.
OF_LOAD_ALONE = {"cache_dir", "num_hidden_layers", "num_attention_heads", "hidden_act"}


def test_the_keywords_are_those_of_load_with_its_types() -> None:
    named = {
        name: each.annotation
        for name, each in inspect.signature(load, eval_str=True).parameters.items()
        if each.kind is inspect.Parameter.KEYWORD_ONLY and name not in OF_LOAD_ALONE
    }
    assert get_type_hints(Opening) == named


def test_a_job_has_a_field_for_each() -> None:
    types = {field.name: field.type for field in fields(EmbedJob)}  # as they are written
    for name, kind in Computing.__annotations__.items():
        assert types[name] == kind.__forward_arg__


@pytest.mark.parametrize("verb", [embed, similarity, fill_mask], ids=lambda verb: verb.__name__)
def test_a_verb_has_an_option_for_each(verb: object) -> None:
    assert set(OPTIONS) == set(get_type_hints(Computing))
    parameters = inspect.signature(verb).parameters  # type: ignore[arg-type]  # a function
    assert set(OPTIONS) <= set(parameters)
    assert "computing" not in parameters


@pytest.mark.parametrize("task", [TextEmbedder, FillMask])
def test_a_misspelt_one_is_refused_by_the_tasks_name(task: type) -> None:
    with pytest.raises(InputError, match=rf"{task.__name__} has no keyword 'precison'; .*'precis"):
        task("/nowhere", precison="auto")
