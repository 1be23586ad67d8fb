"""`pipeline` opens the class of a task by transformers' name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.support.tiny_heads import SENTENCES, save_head
from tests.support.tiny_models import save_tiny

import albertkit
from albertkit.errors import InputError
from albertkit.tasks.pipelines import TASKS, _name_device

HEADS = {
    "text-classification": "sequence_classification",
    "sentiment-analysis": "sequence_classification",
    "token-classification": "token_classification",
    "ner": "token_classification",
    "question-answering": "question_answering",
    "multiple-choice": "multiple_choice",
    "fill-mask": "masked_lm",
    "feature-extraction": None,
}


def test_each_task_opens_its_class(tmp_path: Path) -> None:
    assert {*HEADS} == {*TASKS}
    for task, head in HEADS.items():
        directory = tmp_path / task
        if head in (None, "masked_lm"):
            save_tiny(directory, () if head is None else (head,))
        else:
            save_head(directory, head)
        opened: Any = albertkit.pipeline(task, model=directory, engine="numpy")
        assert type(opened).__name__ == TASKS[task][1]
        assert TASKS[task][1] in repr(opened)


def test_options_of_calls_become_their_defaults(tmp_path: Path) -> None:
    """As in the most usual line: pipeline("ner", aggregation_strategy="simple")."""
    save_head(tmp_path / "tagger", "token_classification", names={0: "B-PER", 1: "O"}, scale=3)
    tag = albertkit.pipeline("ner", tmp_path / "tagger", aggregation_strategy="simple")
    assert {"entity_group", "word"} <= set(tag(SENTENCES[0])[0])
    save_head(tmp_path / "classifier", "sequence_classification")
    classify = albertkit.pipeline("text-classification", tmp_path / "classifier", top_k=None)
    assert len(classify(SENTENCES[0])) == 2
    assert len(classify(SENTENCES[0], top_k=1)) == 1
    with pytest.raises(InputError, match=r"\[unknown-keyword\]"):
        albertkit.pipeline("ner", tmp_path / "tagger", aggregation="simple")


@pytest.mark.parametrize(
    ("device", "name"),
    [(-1, "cpu"), ("cpu", "cpu"), (torch.device("cpu"), "cpu"), (0, "cuda:0"), (1, "cuda:1")],
)
def test_a_device_is_given_as_to_transformers(device: object, name: str) -> None:
    assert _name_device(device) == name
    if name == "cpu":
        fill: Any = albertkit.pipeline("fill-mask", device=device)
        assert fill("A [MASK].", top_k=1)[0]["token_str"]


@pytest.mark.parametrize("device", [True, "gpu", 1.0])
def test_other_devices_are_refused(device: object) -> None:
    with pytest.raises(InputError, match=rf"device is {device!r}; it must be .*\[option-invalid\]"):
        albertkit.pipeline("fill-mask", device=device)


def test_features_are_those_of_transformers(tmp_path: Path) -> None:
    save_tiny(tmp_path / "model")
    ours = albertkit.pipeline("feature-extraction", model=tmp_path / "model")
    theirs = transformers.pipeline("feature-extraction", model=str(tmp_path / "model"))
    np.testing.assert_allclose(ours(SENTENCES[0]), theirs(SENTENCES[0]), atol=2e-5)
    mine, other = ours(SENTENCES[:3]), theirs(SENTENCES[:3])
    assert len(mine) == len(other)
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ("zero-shot-classification", "natural language inference"),
        ("sentence-similarity", "TextEmbedder"),
        ("text-generation", "reads text"),
        ("text-clasification", "the nearest is 'text-classification'"),
        ("x", "the tasks are text-classification"),
    ],
)
def test_other_tasks_are_refused_with_the_reason(task: str, says: str) -> None:
    with pytest.raises(InputError, match=rf"{says}.*\[pipeline-unknown\]"):
        albertkit.pipeline(task)


def test_a_model_without_the_head_is_refused() -> None:
    with pytest.raises(InputError, match=r"'small-en' has no .*finetune.*\[head-missing\]"):
        albertkit.pipeline("ner")
