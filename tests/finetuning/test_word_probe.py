"""The probe of tagging: frozen vectors of words, a linear head, a directory that tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albertkit import TokenClassifier, finetune, load
from albertkit.engine.packing import compute_token_vectors
from albertkit.errors import InputError
from albertkit.finetuning import word_probe
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.linear_model import compute_row_losses, fit_linear
from albertkit.finetuning.probe import STRENGTHS
from albertkit.finetuning.word_probe import compute_word_vectors, fit_word_probe
from albertkit.runtime import LoadedModel

PEOPLE, PLACES = ["Anna", "Peter", "Maria", "John"], ["London", "Paris", "Rome", "Berlin"]
VERBS = ["lives", "works", "sleeps", "waits"]


def make_sentences() -> dict[str, list[Any]]:
    """Who does what where; the names of places have one or two words."""
    rows = [
        ([who, verb, "in", *where], ["B-PER", "O", "O", "B-LOC", "I-LOC"][: 3 + len(where)])
        for who in PEOPLE
        for verb in VERBS
        for place in PLACES
        for where in ([place], ["New", place])
    ]
    order = np.random.default_rng(0).permutation(len(rows)).tolist()
    return {"tokens": [rows[n][0] for n in order], "tags": [rows[n][1] for n in order]}


SENTENCES = make_sentences()


def make_examples(words: list[list[str]], tags: list[list[str]]) -> Examples:
    rows = np.arange(1, len(words) + 1)
    texts = [" ".join(own) for own in words]
    return Examples("tagging", texts, None, [tuple(own) for own in tags], rows, "t", words=words)


EXAMPLES = make_examples(SENTENCES["tokens"], SENTENCES["tags"])
LABELS = LabelSet.of(EXAMPLES)


@pytest.fixture(scope="module")
def base() -> LoadedModel:
    return load("small-en", engine="numpy")


def test_a_table_of_tags_becomes_a_tagger(tmp_path: Path) -> None:
    tuned = finetune(SENTENCES, contenders=["probe"], output=tmp_path / "tagger")
    assert tuned.report.contender == "probe"
    assert tuned.report.score.value > 0.9
    assert tuned.predict([["Anna", "works", "in", "Rome"]]) == [["B-PER", "O", "O", "B-LOC"]]
    assert tuned.predict(iter(["", "Anna"])) == [[], ["B-PER"]]
    assert tuned.predict([[]]) == [[]]
    for wrong in ([None], [["Anna", 3]], {"tokens": ["Anna"]}):
        with pytest.raises(InputError, match=r"item 1 is .*\[input-not-texts\]"):
            tuned.predict(wrong)
    assert tuned.report.recipe["settings"]["strength"] > 0
    tagger = TokenClassifier(tmp_path / "tagger", engine="numpy")
    text = "Peter waits in New London"
    entities = tagger(text, aggregation_strategy="first")
    assert [(e["entity_group"], text[e["start"] : e["end"]]) for e in entities] == [
        ("PER", "Peter"),
        ("LOC", "New London"),
    ]


def test_folds_score_all_sentences() -> None:
    tuned = finetune(SENTENCES, contenders=["probe"], folds=3)
    assert tuned.report.metrics["rows"]["validation"] == len(EXAMPLES)


def test_a_word_has_the_vector_of_its_first_piece(base: LoadedModel) -> None:
    example = make_examples([["Anna", "unbelievable", "."]], [["B-PER", "O", "O"]])
    words = compute_word_vectors(base, LABELS, example)
    encodings = base.tokenizer.encode_batch(["Anna unbelievable ."])
    tokens = compute_token_vectors(base.engine_for(encodings), encodings)
    pieces = base.tokenizer.convert_ids_to_tokens(encodings.ids.tolist())
    firsts = [n for n, piece in enumerate(pieces) if piece.startswith("▁")]
    np.testing.assert_allclose(words.vectors, tokens[firsts], atol=1e-5)
    assert [LABELS.names[n] for n in words.tags] == ["B-PER", "O", "O"]


def test_words_that_the_model_does_not_read_are_outside(base: LoadedModel) -> None:
    probe = fit_word_probe(base, LABELS, EXAMPLES, np.arange(len(EXAMPLES)) % 5)
    long = ["Anna"] * 600
    (tags,) = probe.predict(make_examples([long], [["O"] * 600]))
    assert len(tags) == 600
    assert (tags[0], tags[-1]) == ("B-PER", "O")


def test_the_strength_is_chosen_by_held_out_words(base: LoadedModel) -> None:
    """Of a split the validation rows are fold 0, and the training rows have the others."""
    folds = 1 + np.arange(len(EXAMPLES)) % 4
    probe = fit_word_probe(base, LABELS, EXAMPLES, folds)
    words = compute_word_vectors(base, LABELS, EXAMPLES)
    held = np.repeat(folds == 1, words.counts)
    x = (words.vectors - words.vectors.mean(0)).astype(np.float64) / words.vectors.std(0).mean()
    targets = np.eye(len(LABELS.names))[words.tags]
    losses = {
        strength: compute_row_losses(
            fit_linear(x[~held], targets[~held], "softmax", strength).logits(x[held]),
            targets[held],
            "softmax",
        ).sum()
        for strength in STRENGTHS
    }
    assert losses[probe.strength] == pytest.approx(min(losses.values()), rel=1e-2)
    assert len({round(float(loss), 3) for loss in losses.values()}) > 1


def test_of_many_words_a_sample_is_learned(
    base: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_probe, "MOST_WORDS", 60)
    probe = fit_word_probe(base, LABELS, EXAMPLES, np.zeros(len(EXAMPLES), np.int64))
    assert probe.predict(EXAMPLES)[0] == SENTENCES["tags"][0]
