"""Fewer repetitions of the shared layers, learned from the same model with all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.finetuning.test_finetune import ROWS
from tests.finetuning.test_tune import CONFIG, TRAIN, StoppedError, examples, parameters
from tests.support.axes import random_weights
from tests.support.tiny_models import PIECES, TINY, save_tiny

from albertkit import TextClassifier, load
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.errors import InputError
from albertkit.finetuning import FinetuneOptions
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.data.structured import GoldAnswer
from albertkit.finetuning.self_distillation import (
    TEMPERATURE,
    compute_soft_targets,
    count_logits,
    soft_losses,
)
from albertkit.finetuning.tune import tune
from albertkit.finetuning.tuning_batches import TuningData, make_batch, make_rows
from albertkit.finetuning.tuning_model import TunedEncoder, make_model
from albertkit.runtime import LoadedModel
from albertkit.tokenization import AlbertTokenizer
from albertkit.training.devices import TrainingDevice

CPU = TrainingDevice(torch.device("cpu"))
TEXTS = ROWS["text"][:12]
WORDS = [text.split() for text in TEXTS]
EXAMPLES = {
    "classification": TRAIN.take(range(12)),
    "tagging": examples("tagging", [("O",) * len(words) for words in WORDS], words=WORDS),
    "multiple-choice": examples(
        "multiple-choice",
        [0, 1] * 6,
        choices=[["x", "y z", "a b c"][: 2 + number % 2] for number in range(12)],
    ),
    "question-answering": replace(
        examples("question-answering", [GoldAnswer((text[:3],), 0) for text in TEXTS]),
        first=["Who?", "What is it?"] * 6,
        second=TEXTS,
    ),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(save_tiny(tmp_path_factory.mktemp("base"), ["masked_lm"], pooler=True))


@pytest.mark.parametrize("task", EXAMPLES)
def test_a_teachers_logits_stand_with_their_examples(base: LoadedModel, task: str) -> None:
    own = EXAMPLES[task]
    packed = make_model(base, LabelSet.of(own), CONFIG, 0).eval()
    rows = make_rows(LabelSet.of(own), own, base.tokenizer, 32)
    targets = compute_soft_targets(packed, rows, CPU)
    for number in range(len(rows)):
        with torch.no_grad():
            alone = packed.logits(make_batch(rows, [number], 1.0))
        np.testing.assert_allclose(targets.take([number]), alone, atol=1e-5)
    assert targets.offsets[-1] == len(targets.logits) == count_logits(rows, task).sum()
    taught = replace(rows, teacher=targets)
    batch = TuningData(taught, 5, 1, 0).block(0, 0, 0.0)[1]
    assert batch.teacher_logits is not None
    with torch.no_grad():
        np.testing.assert_allclose(batch.teacher_logits, packed.logits(batch), atol=1e-5)
    assert torch.isfinite(packed(batch).loss)


def test_the_distance_to_the_teacher_is_that_of_kullback_and_leibler() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, teacher = torch.randn(2, 6, 3, generator=generator).unbind()
    expected = F.kl_div(
        F.log_softmax(logits / TEMPERATURE, -1),
        F.softmax(teacher / TEMPERATURE, -1),
        reduction="none",
    ).sum(-1)
    least = soft_losses(teacher, teacher, "classification")  # the entropy of the teacher
    distance = soft_losses(logits, teacher, "classification") - least
    torch.testing.assert_close(distance, expected * TEMPERATURE**2)


@pytest.mark.parametrize(
    "task", ["classification", "multi-label", "regression", "question-answering"]
)
def test_the_teachers_own_logits_have_the_least_distance(task: str) -> None:
    generator = torch.Generator().manual_seed(0)
    shape = (4, 7, 2) if task == "question-answering" else (4, 3)
    teacher = torch.randn(shape, generator=generator)
    logits = teacher.clone().requires_grad_()
    soft_losses(logits, teacher, task).sum().backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.zeros(shape), atol=1e-6, rtol=0)


def distil(
    base: LoadedModel, directory: Path, train: Examples, report: Any = None, **settings: Any
) -> TunedEncoder:
    config = replace(CONFIG, **{"repetitions": 1, **settings})
    tuned = tune(
        base,
        LabelSet.of(train),
        train,
        train,
        config=config,
        directory=directory,
        report=report or (lambda metrics: None),
    )
    assert isinstance(tuned, TunedEncoder)
    return tuned


NUMBERS = examples("regression", [len(text) for text in ROWS["text"][:60]])


def test_the_student_begins_with_the_teachers_weights(base: LoadedModel, tmp_path: Path) -> None:
    teacher = distil(base, tmp_path / "a", NUMBERS, repetitions=0)
    lines: list[Mapping[str, Any]] = []
    student = distil(base, tmp_path / "b", NUMBERS, lines.append, distillation=1.0)
    alone = distil(base, tmp_path / "c", NUMBERS, distillation=0.0)
    assert base.config.num_hidden_layers > 1
    assert {t.packed.model.config.num_hidden_layers for t in (student, alone)} == {1}
    assert [line["step"] for line in lines if "valid_loss" in line] == [6, 12, 6, 12]
    weights = parameters(teacher)
    near, far = (
        sum(float((parameters(tuned)[name] - weights[name]).abs().sum()) for name in weights)
        for tuned in (student, alone)
    )
    assert near < far
    student.write(tmp_path / "model", temperature=1.0)
    classifier = TextClassifier(tmp_path / "model", precision="float32")
    assert classifier.model.config.num_hidden_layers == 1
    expected = np.asarray(student.predict(NUMBERS))[:, 0]
    np.testing.assert_allclose(classifier.predict(NUMBERS.first), expected, rtol=1e-4)  # type: ignore[arg-type]


def test_an_interrupted_student_keeps_its_teacher(base: LoadedModel, tmp_path: Path) -> None:
    whole = parameters(distil(base, tmp_path / "whole", NUMBERS))
    steps: list[int] = []

    def stop(metrics: Mapping[str, Any]) -> None:
        steps.append(int(metrics["step"]))
        if steps.count(8) == 2:  # the student's, after its checkpoint of step 6
            raise StoppedError

    with pytest.raises(StoppedError):
        distil(base, tmp_path / "parts", NUMBERS, stop)
    rest: list[int] = []
    resumed = distil(base, tmp_path / "parts", NUMBERS, lambda line: rest.append(int(line["step"])))
    assert min(rest) > 6  # neither the teacher nor the student's first epoch is trained again
    assert rest.count(12) <= 2
    for name, values in parameters(resumed).items():
        assert torch.equal(values, whole[name]), name


def test_repetitions_that_cannot_be_are_refused(tmp_path: Path) -> None:
    config = replace(TINY, num_hidden_groups=2)
    HUGGINGFACE.write(Checkpoint(random_weights(config)), tmp_path / "m")
    AlbertTokenizer.from_pretrained(PIECES).save_pretrained(tmp_path / "m")
    with pytest.raises(InputError, match=r"repetitions is 1; .* 2 groups.*\[option-invalid\]"):
        distil(load(tmp_path / "m"), tmp_path / "run", TRAIN)
    with pytest.raises(InputError, match=r"only a tuned model.*\[option-invalid\]"):
        FinetuneOptions(contenders=["probe"], tuning=replace(CONFIG, repetitions=1))
