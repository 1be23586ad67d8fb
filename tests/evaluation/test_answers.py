"""Scores of answers are those of SQuAD's official scripts, to the last published digit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from albertkit.errors import FormatError, InputError
from albertkit.evaluation import (
    Question,
    best_threshold,
    exact_match,
    read_squad,
    score_answers,
    token_f1,
)


def read_json(path: Path) -> Any:
    return json.loads(zstandard.ZstdDecompressor().decompress(path.read_bytes()))


def test_published_predictions_for_squad_1_1(shared: Path) -> None:
    folder = shared / "data" / "eval" / "squad-dev"
    questions = list(read_squad(read_json(folder / "dev-v1.1.json.zst")))
    scores = score_answers(questions, read_json(folder / "predictions-v1.1-bert-ensemble.json.zst"))
    assert scores.total == 10_570
    assert (round(scores.exact, 4), round(scores.f1, 4)) == (86.2062, 92.1956)
    assert math.isnan(scores.no_answer_exact)


def test_published_predictions_for_squad_2_0(shared: Path) -> None:
    folder = shared / "data" / "eval" / "squad-dev"
    questions = list(read_squad(read_json(folder / "dev-v2.0.json.zst")))
    scores = score_answers(questions, read_json(folder / "predictions-v2.0-bert-single.json.zst"))
    assert scores.total == 11_873
    assert (round(scores.exact, 4), round(scores.f1, 4)) == (78.7417, 81.7753)
    parts = (scores.has_answer_exact, scores.has_answer_f1, scores.no_answer_exact)
    assert tuple(round(part, 4) for part in parts) == (74.1059, 80.1818, 83.3642)


@pytest.mark.parametrize(
    ("answer", "prediction", "f1"),
    [
        ("the Normans", "Normans!", 1.0),
        ("in 1066", "1066", 2 / 3),
        ("a", "the", 1.0),
        ("", "", 1.0),
        ("", "Normans", 0.0),
        ("x x y", "x y y", 2 / 3),
    ],
)
def test_answers_are_compared_by_words(answer: str, prediction: str, f1: float) -> None:
    assert token_f1(answer, prediction) == pytest.approx(f1)
    assert exact_match(answer, prediction) == (f1 == 1)


def make_questions(seed: int) -> tuple[list[Question], dict[str, str], dict[str, float]]:
    rng = np.random.default_rng(seed)
    questions, predictions, scores = [], {}, {}
    for number in range(40):
        name = str(number)
        answers = ("blue sky", "the sky") if rng.random() < 0.6 else ()
        questions.append(Question(name, "what?", "the blue sky", answers, (4, 0)[: len(answers)]))
        predictions[name] = str(rng.choice(["sky", "blue sky", "sea", ""]))
        scores[name] = float(rng.integers(0, 8)) / 8  # with ties
    return questions, predictions, scores


def try_all_thresholds(
    questions: list[Question], predictions: Mapping[str, str], scores: Mapping[str, float]
) -> float:
    return max(
        score_answers(questions, predictions, scores, threshold).f1
        for threshold in (-1.0, *scores.values())
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_best_threshold_is_the_best_of_all(seed: int) -> None:
    questions, predictions, scores = make_questions(seed)
    threshold, f1 = best_threshold(questions, predictions, scores)
    assert f1 == pytest.approx(try_all_thresholds(questions, predictions, scores))
    assert score_answers(questions, predictions, scores, threshold).f1 == pytest.approx(f1)


def test_questions_without_a_prediction_are_refused() -> None:
    questions = [Question("q1", "what?", "a sky", ("sky",), (2,))]
    with pytest.raises(InputError, match=r"q1.*\[texts-missing\]"):
        score_answers(questions, {})
    with pytest.raises(InputError, match=r"q1.*\[texts-missing\]"):
        score_answers(questions, {"q1": "sky"}, {})
    with pytest.raises(InputError, match=r"\[inputs-empty\]"):
        score_answers([], {})


def test_a_file_of_another_form_is_refused() -> None:
    with pytest.raises(FormatError, match=r"\[file-malformed\]"):
        list(read_squad({"data": [{"paragraphs": [{"context": "x"}]}]}))
    with pytest.raises(FormatError, match=r"\[file-malformed\]"):
        list(read_squad({"version": "1"}))
