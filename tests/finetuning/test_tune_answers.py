"""Question answering: positions as in Hugging Face's script for SQuAD, one decoder, no answer."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.support.model_cards import run_model_card
from tests.support.tiny_heads import SENTENCES
from tests.support.tiny_models import save_tiny

from albertkit import QuestionAnswerer, finetune, load
from albertkit.errors import InputError
from albertkit.finetuning import tuning_answers
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.data.structured import GoldAnswer
from albertkit.finetuning.tune import tune
from albertkit.finetuning.tuning_answers import choose_answers, fit_no_answer
from albertkit.finetuning.tuning_batches import make_batch, make_rows
from albertkit.finetuning.tuning_model import TunedEncoder, make_model
from albertkit.finetuning.tuning_recipe import TuningConfig

LENGTH = 32
CONFIG = TuningConfig(
    learning_rate=2e-3, batch_size=16, epochs=1, seeds=1, max_seq_length=LENGTH, device="cpu"
)
LABELS = LabelSet("question-answering", ())


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("base"), ["masked_lm"])


def make_questions(count: int, *, unanswered: int = 0) -> Examples:
    """Long contexts with an answer somewhere; every `unanswered`-th question has none."""
    rng = np.random.default_rng(1)
    contexts, answers = [], []
    for number in range(count):
        words = " ".join(SENTENCES[k % 5] for k in rng.integers(0, 5, 6)).split()
        context = " ".join(words)
        first = int(rng.integers(0, len(words) - 2))
        text = " ".join(words[first : first + 2])
        start = len(" ".join(words[:first])) + (first > 0)
        has_none = unanswered and number % unanswered == 0
        contexts.append(context)
        answers.append(GoldAnswer(()) if has_none else GoldAnswer((text,), start))
    questions = ["Who is the king?", "Where?"] * (count // 2)
    return Examples(
        "question-answering", questions, contexts, answers, np.arange(1, count + 1), "t.json"
    )


def prepare_as_transformers(directory: Path, examples: Examples) -> list[dict[str, Any]]:
    """Source: transformers, examples/pytorch/question-answering/run_qa.py."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    call = tokenizer(
        examples.first,
        examples.second,
        truncation="only_second",
        max_length=LENGTH,
        stride=8,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_token_type_ids=True,
    )
    rows = []
    for window, offsets in enumerate(call["offset_mapping"]):
        answer = examples.labels[call["overflow_to_sample_mapping"][window]]
        sequence = call.sequence_ids(window)
        positions = [0, 0]
        if answer.texts:
            begin, end = answer.start, answer.start + len(answer.texts[0])
            first = sequence.index(1)
            last = len(sequence) - 1
            while sequence[last] != 1:
                last -= 1
            if offsets[first][0] <= begin and offsets[last][1] >= end:
                while first < len(offsets) and offsets[first][0] <= begin:
                    first += 1
                while offsets[last][1] >= end:
                    last -= 1
                positions = [first - 1, last + 1]
        rows.append({"ids": call["input_ids"][window], "positions": positions})
    return rows


def test_positions_are_those_of_hugging_faces_script(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = make_questions(20, unanswered=5)
    monkeypatch.setattr(tuning_answers, "BOTH", replace(tuning_answers.BOTH, doc_stride=8))
    rows = make_rows(LABELS, examples, load(directory).tokenizer, LENGTH)
    expected = prepare_as_transformers(directory, examples)
    offsets = rows.encodings.offsets
    own = [rows.encodings.ids[a:b].tolist() for a, b in pairwise(offsets)]
    assert own == [row["ids"] for row in expected]
    assert rows.targets.tolist() == [row["positions"] for row in expected]
    assert 20 < len(rows) == len(expected)
    assert 10 < (rows.targets > 0).any(1).sum() < len(rows)


def test_the_loss_is_that_of_transformers(directory: Path, tmp_path: Path) -> None:
    base = load(directory)
    packed = make_model(base, LABELS, CONFIG, 0).eval()
    rows = make_rows(LABELS, make_questions(2, unanswered=2), base.tokenizer, LENGTH)
    TunedEncoder(packed, base.tokenizer, LABELS, LENGTH).write(tmp_path / "m", temperature=1.0)
    peer = transformers.AlbertForQuestionAnswering.from_pretrained(tmp_path / "m").eval()
    batch = make_batch(rows, range(len(rows)), 1.0)
    with torch.no_grad():
        losses, _ = packed.losses(packed.logits(batch), batch)
    first = 0
    for loss, length, target in zip(losses, batch.lengths, batch.targets, strict=True):
        with torch.no_grad():
            output = peer(
                torch.from_numpy(batch.ids[None, first : first + length]),
                token_type_ids=torch.from_numpy(batch.type_ids[None, first : first + length]),
                start_positions=torch.tensor([int(target[0])]),
                end_positions=torch.tensor([int(target[1])]),
            )
        torch.testing.assert_close(loss, output.loss, rtol=1e-4, atol=1e-5)
        first += length


def test_a_tuned_model_answers_as_the_task_does(directory: Path, tmp_path: Path) -> None:
    train = make_questions(8, unanswered=4)
    tuned = tune(load(directory), LABELS, train, train, config=CONFIG, directory=tmp_path / "run")
    assert isinstance(tuned, TunedEncoder)
    assert tuned.no_answer_threshold is not None
    tuned.write(tmp_path / "model", temperature=1.0)
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["no_answer_threshold"] == pytest.approx(tuned.no_answer_threshold, abs=1e-6)
    answerer = QuestionAnswerer(tmp_path / "model", precision="float32")
    answers = answerer(question=train.first, context=train.second, max_seq_len=LENGTH)
    assert [answer["answer"] for answer in answers] == list(tuned.predict(train))


def test_the_threshold_gives_the_best_f1() -> None:
    examples = make_questions(4, unanswered=2)
    right = [(*(answer.texts or ("",)),)[0] for answer in examples.labels]
    answers = [("x", 2.0), (right[1], 1.0), ("y", 3.0), (right[3], -4.0)]
    threshold = fit_no_answer(examples, answers)
    assert threshold is not None
    assert choose_answers(answers, threshold) == ["", right[1], "", right[3]]
    assert choose_answers(answers, None) == ["x", right[1], "y", right[3]]
    assert fit_no_answer(make_questions(4), answers) is None


def test_a_file_of_questions_becomes_a_model(
    directory: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    examples = make_questions(30)
    rows = [
        {"id": str(n), "question": q, "context": c, "answers": {"text": list(a.texts)}}
        for n, (q, c, a) in enumerate(
            zip(examples.first, examples.second or [], examples.labels, strict=True)
        )
    ]
    for n in (3, 5, 7, 9):
        rows[n]["answers"] = {"text": [f"absent {n}"]}
    with pytest.raises(InputError, match=r"4 answers.*'absent 3', 'absent 5', 'absent 7' ….*rows"):
        finetune(rows, model=directory, tuning=CONFIG)
    tuned = finetune(
        rows, model=directory, tuning=CONFIG, skip_invalid=True, output=tmp_path / "out"
    )
    assert any(d.code == "label-invalid" and "rows 4, 6" in d.what for d in tuned.diagnostics)
    assert tuned.report.metrics["measure"] == "F1"
    assert 0 <= tuned.report.metrics["exact_match"] <= tuned.report.score.value + 1e-4
    assert tuned.predict([(examples.first[0], examples.second[0])])[0] in examples.second[0]  # type: ignore[index]
    pipeline_tag = (tmp_path / "out" / "README.md").read_text()
    assert "question-answering" in pipeline_tag
    run_model_card(tmp_path / "out")
