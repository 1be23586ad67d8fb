"""Tuning that begins at a probe: the same predictions at first, and the same kind of directory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.finetuning.test_tune import examples
from tests.finetuning.test_word_probe import SENTENCES
from tests.support.tiny_models import save_tiny, save_tiny_vectors

from albertkit import TextClassifier, TextEmbedder, finetune
from albertkit.finetuning import FinetuneOptions, FinetuneSession
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.probe import TextVectors, fit_probe, is_trainable
from albertkit.finetuning.race import ProbeModel
from albertkit.finetuning.tune import tune
from albertkit.finetuning.tune_probe import PackedProbe, begin_at_probe
from albertkit.finetuning.tuning_batches import TuningBatch
from albertkit.finetuning.tuning_model import TunedEncoder
from albertkit.finetuning.tuning_recipe import TuningConfig
from albertkit.spec.pooling_config import Normalize, PoolingConfig
from albertkit.training.loop import StepResult

CONFIG = TuningConfig(
    learning_rate=1e-3,
    batch_size=10,
    epochs=4,
    classifier_dropout=0.0,
    precision="float32",
    device="cpu",
)


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> TextEmbedder:
    plan = PoolingConfig(steps=(Normalize(),))
    return TextEmbedder(
        save_tiny_vectors(tmp_path_factory.mktemp("base") / "m", plan, pooler=False)
    )


def make_probe(embedder: TextEmbedder, train: Examples) -> ProbeModel:
    first = embedder.encode(train.first)
    second = None if train.second is None else embedder.encode(train.second)
    folds = np.arange(len(train)) % 2
    return ProbeModel(
        embedder, fit_probe(LabelSet.of(train), train, TextVectors(first, second), folds)
    )


def run(probe: ProbeModel, train: Examples, directory: Path, **settings: Any) -> TunedEncoder:
    result = tune(
        probe.embedder.model,
        LabelSet.of(train),
        train,
        train,
        config=replace(CONFIG, **settings),
        directory=directory,
        start=begin_at_probe(probe),
    )
    assert isinstance(result, TunedEncoder)
    return result


LABELS = ["a" if number % 3 else "b" for number in range(40)]


@pytest.mark.parametrize(
    "train",
    [
        examples("classification", LABELS),
        examples("multi-label", [("a", "b") if label == "a" else ("b",) for label in LABELS]),
        examples("regression", [100.0 + number for number in range(40)]),
        replace(examples("classification", LABELS), second=["the old gate"] * 40),
    ],
    ids=["classification", "multi-label", "regression", "pairs"],
)
def test_it_begins_with_the_probe_and_is_written_as_one(
    train: Examples, embedder: TextEmbedder, tmp_path: Path
) -> None:
    probe = make_probe(embedder, train)
    # a rate that changes nothing: what is computed is the probe
    still = np.asarray(run(probe, train, tmp_path / "a", learning_rate=1e-12).predict(train))
    np.testing.assert_allclose(still, probe.predict(train), rtol=1e-4, atol=1e-4)
    tuned = run(probe, train, tmp_path / "b")
    own = np.asarray(tuned.predict(train))
    assert np.abs(own - still).max() > 1e-3
    tuned.write(tmp_path / "model", temperature=1.0)
    classifier: Any = TextClassifier(tmp_path / "model", precision="float32")
    texts: Any = train.first
    if train.second is not None:
        texts = list(zip(train.first, train.second, strict=True))
    if train.task == "regression":
        np.testing.assert_allclose(classifier.predict(texts), own[:, 0], rtol=1e-4)
    elif train.task == "classification":
        names = tuned.labels.names
        assert classifier.predict(texts) == [names[n] for n in own.argmax(1)]


def test_tags_begin_with_the_word_probe(tmp_path: Path) -> None:
    """And a tagger of the same labels is trained on with its own head."""
    base = save_tiny(tmp_path / "base", ["masked_lm"], pooler=True)
    still = replace(CONFIG, learning_rate=1e-12, max_steps=1)
    train, valid = (
        {name: cells[part] for name, cells in SENTENCES.items()}
        for part in (slice(60), slice(60, 90))
    )
    tuned = finetune(train, valid=valid, contenders=["probe", "tune"], tuning=still, model=base)
    by_probe, by_tuning = (result.predictions for result in tuned.results)
    assert by_probe == by_tuning
    tuned.save_pretrained(tmp_path / "tagger")
    tags = [*train["tags"][:30], *(["O"] * len(own) for own in train["tags"][30:])]
    other = {"tokens": train["tokens"], "tags": tags}  # of which a probe would learn another head
    again = finetune(
        other, valid=valid, contenders=["tune"], tuning=still, model=tmp_path / "tagger"
    )
    assert again.predict(valid["tokens"]) == by_probe
    assert {tag for own in by_probe or [] for tag in own} == {"O", "B-PER", "B-LOC", "I-LOC"}


def test_a_tuning_that_failed_leaves_nothing_to_go_on_from(tmp_path: Path) -> None:
    """Else the next one, with other settings, would be refused."""
    base = save_tiny_vectors(tmp_path / "base", PoolingConfig(), pooler=False)
    train, valid = (
        {"text": [f"{word} {number}" for number in range(9) for word in "ab"], "label": [*"xy"] * 9}
        for _ in range(2)
    )
    options = FinetuneOptions(
        model=base,
        contenders=["probe", "tune"],
        tuning=replace(CONFIG, weight_decay=1e300, max_steps=3),
        run_directory=tmp_path / "run",
    )
    session = FinetuneSession.open(train, valid, options)
    assert "not finite" in list(session.race())[1].note
    assert list((tmp_path / "run").iterdir()) == []


def test_a_tuned_model_that_was_not_written_is_not_trained_again(tmp_path: Path) -> None:
    base = save_tiny_vectors(tmp_path / "base", PoolingConfig(), pooler=False)
    rows = {"text": [f"{word} {n}" for n in range(9) for word in "ab"], "label": [*"xy"] * 9}
    options = FinetuneOptions(
        model=base,
        contenders=["tune"],
        tuning=replace(CONFIG, max_steps=3),
        run_directory=tmp_path / "run",
    )
    trained: list[int] = []
    predictions = []
    for _ in range(2):  # as if the first one were killed before it could write its model
        session = FinetuneSession.open(rows, rows, options)
        session.on_step = lambda line: trained.extend(
            [int(line["step"])] if "learning_rate" in line else []
        )
        predictions.append(next(session.race()).predictions)
    assert len(trained) == len(set(trained)) > 0
    first, second = map(np.array, predictions)
    np.testing.assert_array_equal(first, second)
    session.remove_checkpoints()
    assert list((tmp_path / "run").iterdir()) == []


def test_encoder_and_head_are_both_trained(embedder: TextEmbedder, tmp_path: Path) -> None:
    train = examples("classification", LABELS)
    probe = make_probe(embedder, train)
    tuned = run(probe, train, tmp_path / "run")
    before = begin_at_probe(probe)(CONFIG, (0.0, 1.0)).canonical_parameters()
    for name, parameter in tuned.packed.canonical_parameters().items():
        assert not torch.equal(parameter, before[name]), name


def test_a_model_that_collapses_after_its_best_checkpoint_is_kept(
    embedder: TextEmbedder, tmp_path: Path
) -> None:
    train = replace(examples("classification", [*"ab"] * 20), first=["hammer", "the old gate"] * 20)
    probe = make_probe(embedder, train)

    class Collapsing(PackedProbe):
        steps = 0

        def forward(self, batch: TuningBatch, fraction: float = 0.0) -> StepResult:
            self.steps += 1
            if self.steps > 4:  # an epoch
                self.head.weight.data.zero_()
            return super().forward(batch, fraction)

    def start(config: TuningConfig, shift: tuple[float, float]) -> PackedProbe:
        return Collapsing(probe, "classification", config, shift)

    still = replace(CONFIG, learning_rate=1e-12)
    own = tune(
        probe.embedder.model,
        LabelSet.of(train),
        train,
        train,
        config=still,
        directory=tmp_path,
        start=start,
    )
    assert isinstance(own, TunedEncoder)
    assert own.settings["best_step"] == 4
    np.testing.assert_allclose(own.predict(train), probe.predict(train), atol=1e-4)


def test_only_means_of_a_model_without_pooler_are_trained_so(
    embedder: TextEmbedder, tmp_path: Path
) -> None:
    assert is_trainable(embedder)
    with_pooler = TextEmbedder(save_tiny(tmp_path / "a", ["masked_lm"], pooler=True))
    assert not is_trainable(with_pooler)
    by_cls = PoolingConfig(pooling="cls")
    assert not is_trainable(TextEmbedder(save_tiny_vectors(tmp_path / "b", by_cls, pooler=False)))
    asks = PoolingConfig(prompts={"query": "query: "}, default_prompt="query")
    assert not is_trainable(TextEmbedder(save_tiny_vectors(tmp_path / "c", asks, pooler=False)))
