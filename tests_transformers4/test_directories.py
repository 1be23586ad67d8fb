"""The last transformers of its fourth version opens what we write, and we what it writes.

`make test-transformers4` puts it, with the tokenizers and the huggingface_hub that it asks for,
before those of the other tests: the package runs with these too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer
from tests.support.axes import CONFIG_AXES, random_encodings, random_weights
from tests.support.oracle import ask
from tests.support.tiny_models import TINY, save_tiny

import albertkit
from albertkit import AlbertTokenizer, TextEmbedder
from albertkit.checkpoints import HUGGINGFACE, Checkpoint, read_checkpoint
from albertkit.conversion.model_outputs import compute_outputs
from albertkit.conversion.parity_inputs import ParityInputs
from albertkit.spec import AlbertConfig, Weights
from albertkit.tokenization.tokenizer_json.probe_texts import MASKED_TEXTS, PROBE_TEXTS

BUILTIN = Path(albertkit.__file__).parent / "builtin"


@dataclass(frozen=True)
class Case:
    """A class of transformers: our head for it, what both call its answer, and what it reads."""

    name: str
    heads: tuple[str, ...]
    theirs: str
    ours: str
    pooler: bool = True
    unused: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name + ("" if self.pooler else ", no pooler")


POOLER = ("albert.pooler.bias", "albert.pooler.weight")
CASES = [
    Case("AlbertModel", (), "last_hidden_state", "sequence"),
    Case("AlbertForPreTraining", ("masked_lm", "sentence_order"), "sop_logits", "sentence_order"),
    Case(
        "AlbertForSequenceClassification",
        ("sequence_classification",),
        "logits",
        "sequence_classification",
    ),
    Case("AlbertForMultipleChoice", ("multiple_choice",), "logits", "multiple_choice"),
]
# The pooler of a model whose head reads none is kept. This version of transformers calls it
# unused when it opens the model; the answers are the same, and the fifth version says nothing.
for name, head, theirs in (
    ("AlbertForMaskedLM", "masked_lm", "logits"),
    ("AlbertForTokenClassification", "token_classification", "logits"),
    ("AlbertForQuestionAnswering", "question_answering", "start_logits"),
):
    CASES.append(Case(name, (head,), theirs, head, pooler=False))
    CASES.append(Case(name, (head,), theirs, head, unused=POOLER))
SAME = 2e-5  # as the engines' parity with torch: tests/engine/test_parity.py


def open_with_transformers(name: str, path: Path) -> tuple[Any, dict[str, list[str]]]:
    """A model of transformers, and what it reports of the weights that it found."""
    model, report = getattr(transformers, name).from_pretrained(path, output_loading_info=True)
    return model.eval(), {kind: sorted(names) for kind, names in report.items() if names}


def assert_same_answers(model: Any, case: Case, weights: Weights) -> None:
    """One text's numbers from both sides."""
    asked = random_encodings(weights.config, [11], seed=3)
    ours = compute_outputs(weights, ParityInputs(asked, "one row"))[case.ours]
    if case.theirs == "start_logits":
        ours = ours[:, 0]
    ids, types = asked.ids, asked.type_ids
    if case.ours == "multiple_choice":
        ids, types = ids[None], types[None]  # one choice
    theirs = ask(model, ids, types)[case.theirs]
    np.testing.assert_allclose(theirs.reshape(ours.shape), ours, rtol=0, atol=SAME)


def test_these_are_the_versions_that_are_meant() -> None:
    assert transformers.__version__ == "4.57.6"
    assert Path(transformers.__file__).is_relative_to(Path(__file__).parents[1] / ".venvs")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_we_write_opens_with_the_same_answers(case: Case, tmp_path: Path) -> None:
    weights = random_weights(TINY, case.heads, pooler=case.pooler)
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "m")
    model, report = open_with_transformers(case.name, tmp_path / "m")
    assert report == ({"unexpected_keys": list(case.unused)} if case.unused else {})
    assert_same_answers(model, case, weights)


# Where groups are more than layers, this version stops with an IndexError; the fifth computes.
@pytest.mark.parametrize("config", [a for a in CONFIG_AXES if a.id != "more_groups_than_layers"])
def test_every_axis_opens_with_the_same_vectors(config: AlbertConfig, tmp_path: Path) -> None:
    weights = random_weights(config)
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "m")
    model, report = open_with_transformers("AlbertModel", tmp_path / "m")
    assert report == {}
    assert_same_answers(model, CASES[0], weights)


@pytest.mark.parametrize("name", ["small-en", "small-en-vectors"])
def test_a_saved_tokenizer_gives_our_ids(name: str, tmp_path: Path) -> None:
    ours = AlbertTokenizer.from_pretrained(BUILTIN / name)
    ours.save_pretrained(tmp_path)
    for path in (BUILTIN / name, tmp_path):
        theirs = transformers.AutoTokenizer.from_pretrained(path)
        texts = [*PROBE_TEXTS, *MASKED_TEXTS]
        assert theirs(texts)["input_ids"] == ours(texts)["input_ids"]
        pair = ("How old are you?", "What is your age?")
        assert dict(theirs(*pair)) == dict(ours(*pair))


def test_sentence_transformers_gives_our_vectors_with_it() -> None:
    texts = ["I like my phone", "Global warming is real", "In 2001, 10,000 of them."]
    theirs = SentenceTransformer(str(BUILTIN / "small-en-vectors"), device="cpu")
    ours = TextEmbedder("small-en-vectors", engine="numpy")
    np.testing.assert_allclose(theirs.encode(texts), ours.encode(texts), rtol=0, atol=SAME)


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "bin"])
def test_what_it_writes_is_read_bit_by_bit(safe: bool, tmp_path: Path) -> None:
    model, _ = open_with_transformers(
        "AlbertForPreTraining", save_tiny(tmp_path / "m", ["sentence_order"])
    )
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.data.normal_()
    model.save_pretrained(tmp_path / "theirs", safe_serialization=safe, max_shard_size="20KB")
    stored = read_checkpoint(tmp_path / "theirs")
    assert stored.notes == ()
    assert stored.weights.heads == ("masked_lm", "sentence_order")
    states = model.state_dict()
    for name, array in stored.weights.arrays.items():
        there = name if name in states else f"albert.{name}"
        np.testing.assert_array_equal(array, states[there].numpy(), err_msg=name)
