"""A checkpoint opens as the class that has its heads, in every format."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers
from tests.support.axes import CONFIG, random_weights

from albertkit import AutoAlbert
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.checkpoints.tf1.format import TF1
from albertkit.errors import InputError
from albertkit.model.auto import CLASSES
from albertkit.model.pretrained import PretrainedAlbert

IDS = torch.tensor([[2, 17, 9, 3]])


@pytest.mark.parametrize("model_class", CLASSES, ids=lambda cls: cls.__name__)
def test_a_saved_model_opens_as_its_class(
    model_class: type[PretrainedAlbert], tmp_path: Path
) -> None:
    model_class.from_weights(random_weights(CONFIG, model_class.heads)).save_pretrained(tmp_path)
    assert type(AutoAlbert.from_pretrained(tmp_path)) is model_class


@pytest.mark.parametrize(
    "name",
    ["AlbertForMaskedLM", "AlbertForSequenceClassification", "AlbertForTokenClassification"],
)
def test_a_model_of_transformers_opens_as_the_class_of_its_name(name: str, tmp_path: Path) -> None:
    theirs = getattr(transformers, name)(
        transformers.AlbertConfig.from_dict(CONFIG.to_dict())
    ).eval()
    theirs.save_pretrained(tmp_path)
    ours = AutoAlbert.from_pretrained(tmp_path)
    assert type(ours).__name__ == name
    torch.testing.assert_close(ours(IDS).logits, theirs(IDS).logits, atol=1e-5, rtol=0)


def test_other_formats_are_known_by_their_parameters(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["masked_lm", "sentence_order"])
    TF1.write(Checkpoint(weights), tmp_path)
    model = AutoAlbert.from_pretrained(tmp_path, attn_implementation="eager")
    assert type(model).__name__ == "AlbertForPreTraining"


def test_heads_that_no_class_has_together_are_named(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["token_classification", "question_answering"])
    HUGGINGFACE.write(Checkpoint(weights), tmp_path)
    with pytest.raises(InputError, match=r"no class has them.*\[model-argument-invalid\]"):
        AutoAlbert.from_pretrained(tmp_path)


def test_a_misspelt_keyword_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'dtyp'; the nearest is 'dtype'.*\[unknown-keyword\]"):
        AutoAlbert.from_pretrained("small-en", dtyp="float32")
