"""Full tuning: packed batches, accumulation, resuming, and what is written."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.finetuning.test_finetune import ROWS
from tests.support.tiny_models import save_tiny

from albertkit import TextClassifier, finetune, load
from albertkit.conversion import convert
from albertkit.errors import FormatError, InputError, ResourceError
from albertkit.finetuning import FinetuneOptions, FinetuneSession, tuning_model
from albertkit.finetuning import tune as tune_module
from albertkit.finetuning.contrastive import PairTuning
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.pictures import draw_curve
from albertkit.finetuning.report import make_report
from albertkit.finetuning.tune import tune
from albertkit.finetuning.tuning_batches import TuningBatch, TuningData, make_batch, make_rows
from albertkit.finetuning.tuning_model import (
    PackedTuning,
    TunedEncoder,
    make_inputs,
    make_model,
)
from albertkit.finetuning.tuning_recipe import TuningConfig, read_tuning_recipe
from albertkit.runtime import LoadedModel
from albertkit.training.loop import StepResult
from albertkit.training.recipe import LARGEST_SEED

RECIPES = Path(__file__).parents[2] / "recipes" / "finetuning"
CONFIG = TuningConfig(
    learning_rate=2e-3,
    batch_size=10,
    epochs=2,
    seeds=1,
    classifier_dropout=0.0,
    max_seq_length=32,
    precision="float32",
    device="cpu",
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(save_tiny(tmp_path_factory.mktemp("base"), ["masked_lm"], pooler=True))


def examples(task: Any, labels: list[Any], **others: Any) -> Examples:
    count = len(labels)
    rows = np.arange(1, count + 1)
    return Examples(task, ROWS["text"][:count], None, labels, rows, "t", **others)


TRAIN = examples("classification", ROWS["label"][:60])
LABELS = LabelSet.of(TRAIN)


def run(
    base: LoadedModel, directory: Path, train: Examples = TRAIN, **settings: Any
) -> TunedEncoder:
    config = replace(CONFIG, **settings)
    tuned = tune(base, LabelSet.of(train), train, train, config=config, directory=directory)
    assert isinstance(tuned, TunedEncoder)
    return tuned


def test_the_seed_after_the_largest_one_is_zero(base: LoadedModel, tmp_path: Path) -> None:
    train = examples("regression", [1.5, 2.0, 0.25])
    kept = run(base, tmp_path, train, seed=LARGEST_SEED, seeds=2, max_steps=1)
    assert kept.settings["seed"] in {LARGEST_SEED, 0}


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_a_step_that_does_not_fit_into_memory_is_one_line(
    base: LoadedModel, tmp_path: Path, seconds: float | None
) -> None:
    """With a limit of time the first steps are measured before the training."""

    class Huge(PackedTuning):
        def forward(self, batch: TuningBatch, fraction: float = 0.0) -> StepResult:
            torch.empty(1 << 60)
            return super().forward(batch, fraction)

    def start(config: TuningConfig, shift: tuple[float, float]) -> PackedTuning:
        return Huge(make_model(base, LABELS, config, 0).model, "classification", 0.0)

    with pytest.raises(ResourceError, match=r"step 1 does not fit.*\[training-out-of-memory\]"):
        tune(
            base,
            LABELS,
            TRAIN,
            TRAIN,
            config=CONFIG,
            directory=tmp_path / "run",
            start=start,
            seconds=seconds,
        )


def run_out_of_memory(*arguments: Any) -> StepResult:
    torch.empty(1 << 60)
    raise AssertionError("there is no such memory")


def test_a_seed_that_does_not_fit_into_memory_is_left_out(
    base: LoadedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def make_some_huge(*arguments: Any) -> PackedTuning:
        packed = make_model(*arguments)
        if arguments[-1] == 0:  # the seed
            monkeypatch.setattr(packed, "forward", run_out_of_memory)
        return packed

    monkeypatch.setattr(tune_module, "make_model", make_some_huge)
    train = examples("regression", [1.5, 2.0, 0.25])
    assert run(base, tmp_path, train, seeds=2, max_steps=1).settings["seed"] == 1
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert re.match(r"seed 0: step 1 does not fit.*\[training-out-of-memory\]$", lines[0])


@pytest.mark.parametrize("name", ["contrastive", "tune"])
def test_what_does_not_fit_into_memory_loses_the_race(
    name: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(PackedTuning, "forward", run_out_of_memory)
    monkeypatch.setattr(PairTuning, "forward", run_out_of_memory)
    tuned = finetune(ROWS, contenders=["probe", name])
    assert tuned.report.contender == "probe"
    note = "step 1 does not fit into the memory of the machine [training-out-of-memory]"
    assert [result.note for result in tuned.results] == ["", note]
    with pytest.raises(ResourceError, match=r"step 1 .*Lower batch_size.*-out-of-memory\]"):
        finetune(ROWS, contenders=[name])


def parameters(tuned: TunedEncoder) -> dict[str, Any]:
    return {name: p.detach() for name, p in tuned.packed.canonical_parameters().items()}


def test_the_loss_does_not_depend_on_how_a_step_is_divided(base: LoadedModel) -> None:
    """Accumulation and ranks: the mean of the parts' gradients is that of the whole step."""
    weights = np.random.default_rng(0).uniform(0.2, 3, len(TRAIN))
    rows = make_rows(LABELS, TRAIN, base.tokenizer, 32, weights)
    gradients = []
    for batches in (1, 2, 4):
        packed = make_model(base, LABELS, CONFIG, 0)
        step = TuningData(rows, 10, batches, 0).block(0, 0, 0.0)
        for number in range(batches):
            (packed(step[number]).loss / batches).backward()
        gradients.append({n: p.grad for n, p in packed.canonical_parameters().items()})
    for name, gradient in gradients[0].items():
        for other in gradients[1:]:
            torch.testing.assert_close(other[name], gradient, rtol=1e-4, atol=1e-6)


def test_packed_logits_are_those_of_transformers(base: LoadedModel, tmp_path: Path) -> None:
    packed = make_model(base, LABELS, CONFIG, 0)
    tuned = TunedEncoder(packed, base.tokenizer, LABELS, 32)
    tuned.write(tmp_path / "model", temperature=1.0)
    peer = transformers.AlbertForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    assert peer.config.id2label == {0: "animal", 1: "tool"}
    for text in TRAIN.first[:5]:
        ids = torch.tensor([base.tokenizer.encode(text)])
        expected = torch.softmax(peer(ids).logits[0].double(), -1).detach().numpy()
        few = replace(TRAIN.take([0]), first=[text])
        np.testing.assert_allclose(np.asarray(tuned.predict(few))[0], expected, atol=1e-5)
    own = TextClassifier(tmp_path / "model", precision="float32").predict(TRAIN.first)
    assert own == [LABELS.names[n] for n in np.argmax(tuned.predict(TRAIN), axis=1)]


def test_batches_have_few_shapes_and_the_same_logits(
    base: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = make_model(base, LABELS, CONFIG, 0)
    batch = make_batch(make_rows(LABELS, TRAIN, base.tokenizer, 32), [0, 1, 2], 1.0)
    assert len(batch.ids) % tuning_model.TOKEN_STEP
    inputs, bounds = make_inputs(batch, packed.model.device)
    assert [x.shape[1] % tuning_model.TOKEN_STEP for x in inputs] == [0, 0, 0]
    assert int(bounds.offsets[-1]) == inputs[0].shape[1]
    logits = packed.logits(batch)
    monkeypatch.setattr(tuning_model, "TOKEN_STEP", 1)
    torch.testing.assert_close(packed.logits(batch), logits)


def test_a_tuned_model_with_its_head_is_converted_to_onnx(
    base: LoadedModel, tmp_path: Path
) -> None:
    tuned = TunedEncoder(make_model(base, LABELS, CONFIG, 0), base.tokenizer, LABELS, 32)
    tuned.write(tmp_path / "model", temperature=2.0)
    convert(tmp_path / "model", tmp_path / "onnx", to="onnx")
    first, second = (
        TextClassifier(tmp_path / name, precision="float32")(TRAIN.first, top_k=None)
        for name in ("model", "onnx")
    )
    for own, expected in zip(second, first, strict=True):
        assert [score["label"] for score in own] == [score["label"] for score in expected]
        np.testing.assert_allclose(
            [score["score"] for score in own], [score["score"] for score in expected], atol=1e-5
        )


def test_training_lowers_the_loss(base: LoadedModel, tmp_path: Path) -> None:
    lines: list[Mapping[str, Any]] = []
    train = examples("regression", [len(text) for text in ROWS["text"][:60]])
    labels, config = LabelSet.of(train), replace(CONFIG, epochs=4)
    tune(base, labels, train, train, config=config, directory=tmp_path / "r", report=lines.append)
    losses = [line["valid_loss"] for line in lines if "valid_loss" in line]
    assert len(losses) == 4
    assert min(losses[1:]) < losses[0]


class StoppedError(Exception):
    """Ends a run in its middle."""


def test_an_interrupted_run_goes_on_to_the_same_bits(base: LoadedModel, tmp_path: Path) -> None:
    train = examples("regression", [len(text) for text in ROWS["text"][:60]])
    labels = LabelSet.of(train)
    whole = parameters(run(base, tmp_path / "whole", train, classifier_dropout=0.1))

    def stop(metrics: Mapping[str, Any]) -> None:
        if metrics["step"] == 8:  # after the checkpoint of step 6
            raise StoppedError

    config = replace(CONFIG, classifier_dropout=0.1)
    parts = tmp_path / "parts"
    with pytest.raises(StoppedError):
        tune(base, labels, train, train, config=config, directory=parts, report=stop)
    with pytest.raises(InputError, match=r"\[run-settings-changed\]"):
        run(base, tmp_path / "parts", train, learning_rate=1e-3)
    others = examples("regression", [len(text) + 1 for text in ROWS["text"][:60]])
    with pytest.raises(InputError, match=r"hash of the rows was .*\[run-settings-changed\]"):
        run(base, tmp_path / "parts", others, classifier_dropout=0.1)
    other_base = load(save_tiny(tmp_path / "base", ["masked_lm"], pooler=True, seed=1))
    with pytest.raises(InputError, match=r"hash of the model was .*\[run-settings-changed\]"):
        run(other_base, tmp_path / "parts", train, classifier_dropout=0.1)
    resumed = parameters(run(base, tmp_path / "parts", train, classifier_dropout=0.1))
    for name, values in whole.items():
        assert torch.equal(resumed[name], values), name


def test_the_report_of_a_tuned_model_has_all_its_parts(tmp_path: Path) -> None:
    import matplotlib  # noqa: F401  # draws the pictures

    other = {"animal": "tool", "tool": "animal"}
    labels = [other[x] if n % 12 == 0 else x for n, x in enumerate(ROWS["label"])]  # some are wrong
    options = FinetuneOptions(
        contenders=["probe", "tune"], tuning=replace(CONFIG, learning_rate=1e-5)
    )
    train, valid = (
        {"text": ROWS["text"][part], "label": labels[part]} for part in (slice(60), slice(60, 100))
    )
    session = FinetuneSession.open(train, valid, options)
    race = session.prepare()
    tuned = list(session.race())[-1]
    make_report(session, tuned, race).write(tmp_path)
    folder = tmp_path / "report"
    tables = {path.stem: list(csv.DictReader(path.open())) for path in folder.glob("*.csv")}
    assert set(tables) == {"labels", "confusion", "thresholds", "errors", "suspects", "curve"}
    assert {path.name for path in folder.iterdir()} - {f"{name}.csv" for name in tables} == {
        *("metrics.json", "recipe.json", "confusion.png", "reliability.png", "curve.png")
    }
    for path in folder.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    assert tables["errors"][0]["nearest_rows"]
    validated = [row for row in tables["curve"] if row["valid_loss"]]
    steps = [int(row["step"]) for row in validated]
    assert steps == [6, 12]
    assert float(validated[0]["valid_loss"]) > 0
    assert [row["loss"] != "" for row in tables["curve"]].count(True) >= 2
    recipe = json.loads((folder / "recipe.json").read_text())
    assert recipe["settings"]["learning_rate"] == 1e-5
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {"fingerprints", "calibration_error_before", "temperature", "race"} <= set(metrics)
    assert "# " in (tmp_path / "README.md").read_text()


def test_the_curve_of_numbers_is_drawn_without_accuracy() -> None:
    import matplotlib  # noqa: F401  # draws the picture

    rows = [{"step": 1, "loss": 0.5, "valid_loss": None}]
    assert (draw_curve(rows) or b"").startswith(b"\x89PNG")


def test_the_best_checkpoint_is_kept_and_patience_ends_a_run(
    base: LoadedModel, tmp_path: Path
) -> None:
    lines: list[Mapping[str, Any]] = []
    train = examples("regression", [len(text) for text in ROWS["text"][:60]])
    config = replace(CONFIG, learning_rate=0.5, epochs=8, patience=2)
    result = tune(
        base,
        LabelSet.of(train),
        train,
        train,
        config=config,
        directory=tmp_path / "r",
        report=lines.append,
    )
    losses = [line["valid_loss"] for line in lines if "valid_loss" in line]
    assert len(losses) < 8
    assert isinstance(result, TunedEncoder)
    best = result.settings["best_step"]
    assert best == 6 * (1 + int(np.argmin(losses)))


def test_constant_predictions_end_in_one_line(
    base: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_dead_model(*arguments: Any) -> PackedTuning:
        packed = make_model(*arguments)
        packed.model.classifier.weight.data.zero_()
        packed.model.classifier.bias.data = torch.tensor([1.0, 0.0])
        return packed

    monkeypatch.setattr(tune_module, "make_model", make_dead_model)
    with pytest.raises(ResourceError, match=r"same class.*\[predictions-constant\]"):
        run(base, tmp_path, max_steps=1, learning_rate=1e-9)


def test_what_cannot_finish_is_not_begun(base: LoadedModel, tmp_path: Path) -> None:
    result = tune(
        base, LABELS, TRAIN, TRAIN, config=CONFIG, directory=tmp_path / "run", seconds=1e-6
    )
    assert isinstance(result, str)
    assert "it would take" in result
    assert not (tmp_path / "run").exists()


def test_numbers_labels_tags_and_choices(base: LoadedModel, tmp_path: Path) -> None:
    numbers = examples("regression", [100 + len(text) for text in ROWS["text"][:40]])
    tuned = run(base, tmp_path / "a", numbers, max_steps=4)
    own = np.asarray(tuned.predict(numbers))
    assert own.shape == (40, 1)
    assert abs(own.mean() - np.mean(numbers.labels)) < 10
    tuned.write(tmp_path / "numbers", temperature=1.0)
    written: Any = TextClassifier(tmp_path / "numbers", precision="float32").predict(numbers.first)
    np.testing.assert_allclose(written, own[:, 0], rtol=1e-4)

    several = examples("multi-label", [("a",), ("a", "b")] * 10)
    assert np.asarray(run(base, tmp_path / "b", several, max_steps=1).predict(several)).shape == (
        20,
        2,
    )

    words = [text.split() for text in ROWS["text"][:30]]
    tags = [tuple("B-X" if len(word) > 4 else "O" for word in row) for row in words]
    tagged = examples("tagging", tags, words=words)
    predictions = run(base, tmp_path / "c", tagged, max_steps=1).predict(tagged)
    assert [len(row) for row in predictions] == [len(row) for row in words]

    choices = examples("multiple-choice", [0, 1, 2] * 5, choices=[["x", "y z", "w"]] * 15)
    predictions = run(base, tmp_path / "d", choices, max_steps=1).predict(choices)
    assert [row.shape for row in predictions] == [(3,)] * 15
    np.testing.assert_allclose([row.sum() for row in predictions], 1)


def test_recipes_are_read_and_zeros_are_resolved() -> None:
    recipes = {path.stem: read_tuning_recipe(path) for path in RECIPES.glob("*.toml")}
    assert (recipes["rte"].learning_rate, recipes["rte"].warmup_steps) == (3e-5, 200)
    assert len(recipes) == 12
    config = TuningConfig().resolve(768, 100)
    assert (config.learning_rate, config.max_steps) == (3e-5, 300)
    assert TuningConfig().resolve(256, 5).max_steps == 50
    assert TuningConfig(max_steps=7).resolve(256, 5).max_steps == 7
    assert [TuningConfig().seeds_for(rows) for rows in (2999, 3000)] == [3, 1]
    training = recipes["rte"].training(50, 1)
    assert (training.warmup_ratio, training.decay_ratio) == (0.25, 0.75)


@pytest.mark.parametrize("name", ["freeze_layers", "layerwise_lr_decay", "lora"])
def test_what_shared_layers_cannot_do_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"one layer.*\[unknown-keyword\]"):
        TuningConfig(**{name: 6})  # type: ignore[arg-type]  # a name that does not exist
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f"[tuning]\n{name} = 6\n")
    with pytest.raises(FormatError, match=r"one layer.*\[recipe-key-unknown\]"):
        read_tuning_recipe(recipe)


@pytest.mark.parametrize(
    "values",
    [
        {"learning_rate": -1.0},
        {"learning_rate": float("nan")},
        {"epochs": float("inf")},
        {"device": "tpu"},
        {"batch_size": 0},
        {"max_seq_length": 2},
        {"gradient_accumulation_steps": 33},  # batches of 32 examples
        {"warmup_ratio": 1.5},
        {"dropout": 1.0},
        {"seeds": -1},
        {"max_grad_norm": 0.0},
        {"distillation": 2.0},
    ],
)
def test_numbers_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=rf"{next(iter(values))} is .*\[recipe-value-invalid\]"):
        TuningConfig(**values)


def test_a_step_has_an_example_for_each_batch(base: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"4 batches and 3 examples.*\[option-invalid\]"):
        run(base, tmp_path, TRAIN.take([0, 1, 2]), gradient_accumulation_steps=4)


def test_a_warm_up_longer_than_the_run_ends_with_it() -> None:
    training = TuningConfig(max_steps=5, warmup_steps=200).resolve(256, 5).training(5, 0)
    assert (training.warmup_ratio, training.decay_ratio) == (1.0, 0.0)
