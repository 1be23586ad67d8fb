"""Exact match and F1 of answers, as SQuAD's official script computes them, and the best threshold.

Input: questions with their right answers, and one predicted text for each. Output: percentages.
Source: evaluate-v2.0.py of SQuAD; on SQuAD 1.1 the numbers are those of evaluate-v1.1.py.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from albertkit.arrays import Float64Array
from albertkit.errors import FormatError, InputError
from albertkit.errors.exceptions import count_noun

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a data set.

    Attributes:
        id: its name in the data set.
        question: its text.
        context: the text that holds the answer.
        answers: the right answers; empty: the context does not answer it.
        answer_starts: the character of the context where each answer starts.
    """

    id: str
    question: str
    context: str
    answers: tuple[str, ...]
    answer_starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """Scores in percent.

    Attributes:
        exact: the share of answers that are right to the letter, after `normalize_answer`.
        f1: the mean F1 of words.
        total: questions.
        has_answer_exact: exact, of the questions that have an answer; NaN if there are none.
        has_answer_f1: f1 of these.
        no_answer_exact: exact, of the questions that have none (exact and F1 are the same).
    """

    exact: float
    f1: float
    total: int
    has_answer_exact: float
    has_answer_f1: float
    no_answer_exact: float


def normalize_answer(text: str) -> str:
    """Lower-case a text, and remove punctuation, articles and extra whitespace."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def exact_match(answer: str, prediction: str) -> bool:
    """Whether two answers are equal after `normalize_answer`."""
    return normalize_answer(answer) == normalize_answer(prediction)


def token_f1(answer: str, prediction: str) -> float:
    """F1 of the words that two answers share, 0 to 1; two empty answers agree."""
    right, predicted = normalize_answer(answer).split(), normalize_answer(prediction).split()
    if not right or not predicted:
        return float(right == predicted)
    common = sum((Counter(right) & Counter(predicted)).values())
    return 2 * common / (len(right) + len(predicted))


def score_answers(
    questions: Sequence[Question],
    predictions: Mapping[str, str],
    no_answer_scores: Mapping[str, float] | None = None,
    threshold: float = 1.0,
) -> AnswerScores:
    """Score predicted answers; of several right answers the best one counts.

    Args:
        questions: from `read_squad`, or your own.
        predictions: question id → predicted text; "" is "no answer".
        no_answer_scores: question id → how sure it is that there is no answer.
        threshold: a question whose score is above it counts as predicted "no answer".

    Returns:
        The scores.

    Raises:
        InputError: [inputs-empty]; [texts-missing] for a question without a prediction.
    """
    exact, f1, has_answer = _score_each(questions, predictions)
    if no_answer_scores is not None:
        scores = _select_scores(questions, no_answer_scores)
        exact = np.where(scores > threshold, ~has_answer, exact)
        f1 = np.where(scores > threshold, ~has_answer, f1)
    return AnswerScores(
        exact=_compute_percent(exact),
        f1=_compute_percent(f1),
        total=len(questions),
        has_answer_exact=_compute_percent(exact[has_answer]),
        has_answer_f1=_compute_percent(f1[has_answer]),
        no_answer_exact=_compute_percent(exact[~has_answer]),
    )


def best_threshold(
    questions: Sequence[Question],
    predictions: Mapping[str, str],
    no_answer_scores: Mapping[str, float],
) -> tuple[float, float]:
    """Find the threshold for "no answer" that gives the best F1.

    Take it from other questions than those that are reported: chosen on the same questions, it
    makes the score look better than it is.

    Args:
        questions: as for `score_answers`.
        predictions: the best text of each question, also where "no answer" is likelier.
        no_answer_scores: as for `score_answers`.

    Returns:
        The threshold, and the F1 in percent that it gives.

    Raises:
        InputError: As `score_answers`.
    """
    _, f1, has_answer = _score_each(questions, predictions)
    empty = np.array([not normalize_answer(predictions[q.id]) for q in questions])
    scores = _select_scores(questions, no_answer_scores)
    order = np.argsort(scores, kind="stable")
    # of each question, in the order of its score: what answering it changes
    gains = np.where(has_answer, f1, np.where(empty, 0.0, -1.0))[order]
    totals = np.concatenate([[0.0], np.cumsum(gains)]) + np.count_nonzero(~has_answer)
    ordered = scores[order]
    # questions with equal scores are on one side of any threshold
    is_possible = np.concatenate([[True], np.append(ordered[1:] != ordered[:-1], True)])
    best = int(np.argmax(np.where(is_possible, totals, -np.inf)))
    threshold = float(ordered[best - 1]) if best else float(np.nextafter(ordered[0], -np.inf))
    return threshold, float(100 * totals[best] / len(questions))


def read_squad(data: Mapping[str, Any]) -> Iterator[Question]:
    """Yield the questions of SQuAD's JSON form, version 1.1 or 2.0.

    Args:
        data: the file's object: data → paragraphs → qas.

    Raises:
        FormatError: [file-malformed] if a key is missing.
    """
    try:
        for article in data["data"]:
            for paragraph in article["paragraphs"]:
                for item in paragraph["qas"]:
                    answers = item["answers"]
                    yield Question(
                        str(item["id"]),
                        item["question"],
                        paragraph["context"],
                        tuple(answer["text"] for answer in answers),
                        tuple(answer["answer_start"] for answer in answers),
                    )
    except (KeyError, TypeError) as error:
        raise FormatError(
            "file-malformed",
            f"this is not SQuAD's form: {error!r}",
            why="it is data → paragraphs → context and qas → id, question, answers",
            fix="Give a file of SQuAD's form",
        ) from error


def _score_each(
    questions: Sequence[Question], predictions: Mapping[str, str]
) -> tuple[Float64Array, Float64Array, Any]:
    """Exact match and F1 of each question [N], and whether it has an answer [N]."""
    if not questions:
        raise InputError("inputs-empty", "there are no questions", fix="Give at least one question")
    missing = [question.id for question in questions if question.id not in predictions]
    if missing:
        raise InputError(
            "texts-missing",
            f"{count_noun(len(missing), 'question')} have no prediction, first {missing[0]!r}",
            why="a question that is left out would not lower the score",
            fix='Predict "" for a question without an answer',
        )
    exact, f1, has_answer = np.zeros(len(questions)), np.zeros(len(questions)), []
    for number, question in enumerate(questions):
        prediction = predictions[question.id]
        answers = [text for text in question.answers if normalize_answer(text)]
        has_answer.append(bool(question.answers))
        exact[number] = max(exact_match(answer, prediction) for answer in answers or [""])
        f1[number] = max(token_f1(answer, prediction) for answer in answers or [""])
    return exact, f1, np.array(has_answer)


def _select_scores(questions: Sequence[Question], scores: Mapping[str, float]) -> Float64Array:
    missing = [question.id for question in questions if question.id not in scores]
    if missing:
        raise InputError(
            "texts-missing",
            f"{count_noun(len(missing), 'question')} have no score, first {missing[0]!r}",
            why="the threshold is compared with the score of each question",
            fix="Give a score for each question",
        )
    return np.array([scores[question.id] for question in questions], np.float64)


def _compute_percent(values: Any) -> float:
    return float(100 * np.mean(values)) if len(values) else float("nan")
