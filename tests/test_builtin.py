"""The models inside the package: small, whole, and able to do what the README shows."""

from __future__ import annotations

import numpy as np
import pytest

import albertkit
from albertkit import FillMask, TextEmbedder, load
from albertkit.sources.names import BUILTIN, BUILTIN_MODELS
from albertkit.spec.presets import preset
from tests.support.words import words_of


@pytest.mark.parametrize("name", BUILTIN_MODELS)
def test_a_model_has_its_card_and_the_preset_shape(name: str) -> None:
    loaded = load(name)
    shape = {field: getattr(loaded.config, field) for field in ("vocab_size", "hidden_size")}
    assert shape == {field: getattr(preset("small-en"), field) for field in shape}
    assert loaded.config.num_hidden_layers == preset("small-en").num_hidden_layers
    assert loaded.notes == ()
    card = (BUILTIN / name / "README.md").read_text(encoding="utf-8")
    assert "license: apache-2.0" in card
    assert "python benchmarks/" in card


def test_all_models_together_take_at_most_24_megabytes() -> None:
    size = sum(path.stat().st_size for path in BUILTIN.rglob("*") if path.is_file())
    assert size <= 24e6


def test_phones_and_ages_find_each_other() -> None:
    texts = [
        "I like my phone",
        "My phone is not good.",
        "Recently a lot of hurricanes have hit the US",
        "Global warming is real",
        "How old are you?",
        "what is your age?",
    ]
    embedder = TextEmbedder()
    scores = np.asarray(embedder.similarity(*[embedder.encode(texts)] * 2))
    np.fill_diagonal(scores, -1)
    assert scores[0, 1] > scores[0, 2]
    assert scores[4].argmax() == 5
    assert scores[5].argmax() == 4


def test_a_mask_is_filled_with_five_words_of_the_vocabulary() -> None:
    text = "Plants create [MASK] through a process known as photosynthesis."
    answers = words_of(FillMask()(text))
    scores = [answer["score"] for answer in answers]
    assert len(answers) == 5
    assert scores == sorted(scores, reverse=True)
    assert 0 < sum(scores) <= 1
    assert {answer["token_str"] for answer in answers}.isdisjoint({"[MASK]", "<pad>", "<unk>"})
    assert albertkit.__version__
