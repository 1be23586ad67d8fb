"""Questions and their contexts as windows: the tokens of each answer, and answers from logits.

Input: examples of question answering. Output: for training, the tokens of each window at which its
answer starts and ends, as in google's and Hugging Face's scripts for SQuAD; for scoring, answers of
the one decoder (`tasks/answer_spans.py`) that QuestionAnswerer has too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.evaluation.answers import Question, best_threshold
from albertkit.finetuning.data.examples import Examples
from albertkit.finetuning.data.structured import GoldAnswer
from albertkit.tasks.answer_spans import (
    ContextAnswer,
    QuestionWindows,
    cut_questions,
    decode_logits,
)
from albertkit.tasks.options import AnswerOptions
from albertkit.tokenization import AlbertTokenizer

# "" first, then the best answer, so that both scores are known
BOTH = AnswerOptions(top_k=2, handle_impossible_answer=True, no_answer_threshold=-np.inf)
LEAST_SCORE = 1e-300


def cut_examples(
    examples: Examples, tokenizer: AlbertTokenizer, max_length: int
) -> QuestionWindows:
    """Cut the contexts of N questions into windows.

    Args:
        examples: Of question answering.
        tokenizer: Of the model.
        max_length: Ids of a window at most.
    """
    return cut_questions(
        tokenizer,
        examples.first,
        examples.second or [],
        replace(BOTH, max_seq_len=max_length),
        max_length,
    )


def find_positions(cut: QuestionWindows, answers: Sequence[GoldAnswer]) -> Int64Array:
    """Find the tokens of each window at which its answer starts and ends.

    Args:
        cut: N questions in M windows.
        answers: [N].

    Returns:
        [M, 2], counted from the window's first token; 0 and 0, its [CLS], if the window does not
        hold the whole answer.
    """
    windows, offsets = cut.windows, cut.windows.encodings.offsets
    mapping = windows.pieces.offset_mapping
    if mapping is None:
        raise AssertionError("answers need offsets")
    positions = np.zeros((len(windows.texts), 2), np.int64)
    for window, question in enumerate(windows.texts.tolist()):
        answer = answers[question]
        if answer.start < 0:
            continue
        own = mapping[windows.pieces.offsets[question] : windows.pieces.offsets[question + 1]]
        first = np.searchsorted(own[:, 0], answer.start, side="right") - 1
        last = np.searchsorted(own[:, 1], answer.start + len(answer.texts[0]), side="left")
        numbers = windows.numbers[offsets[window] : offsets[window + 1]]
        start, end = np.flatnonzero(numbers == first), np.flatnonzero(numbers == last)
        if len(start) and len(end):
            positions[window] = start[0], end[0]
    return positions


def decode_answers(cut: QuestionWindows, logits: FloatArray) -> list[tuple[str, float]]:
    """Find the best answer to each question.

    Args:
        cut: N questions.
        logits: [T, 2], of start and end at all tokens of all windows.

    Returns:
        [N]: the text, and how much likelier "no answer" is, as the difference of two logarithms.
    """
    answers = decode_logits(cut, logits[:, 0], logits[:, 1], BOTH)
    return [_measure_margin(ranked) for ranked in answers]


def _measure_margin(ranked: Sequence[ContextAnswer]) -> tuple[str, float]:
    if len(ranked) < 2:  # the context has no letters
        return "", np.inf
    none, best = ranked
    scores = np.log(np.maximum([none["score"], best["score"]], LEAST_SCORE))
    return best["answer"], float(scores[0] - scores[1])


def fit_no_answer(examples: Examples, answers: Sequence[tuple[str, float]]) -> float | None:
    """Fit how much likelier "no answer" must be than the best answer.

    Args:
        examples: N, for validation.
        answers: [N], from `decode_answers`.

    Returns:
        The threshold with the best F1, between two of the differences; None if each question has
        an answer.
    """
    if all(answer.texts for answer in examples.labels):
        return None
    questions = [
        Question(str(n), "", "", answer.texts, ()) for n, answer in enumerate(examples.labels)
    ]
    texts = {str(n): text for n, (text, _) in enumerate(answers)}
    margins = {str(n): margin for n, (_, margin) in enumerate(answers)}
    threshold, _ = best_threshold(questions, texts, margins)
    above = [margin for margin in margins.values() if threshold < margin < np.inf]
    return (threshold + min(above)) / 2 if above else threshold


def choose_answers(answers: Sequence[tuple[str, float]], threshold: float | None) -> list[str]:
    """The texts; "" where "no answer" is likelier by more than the threshold."""
    return [
        "" if threshold is not None and margin > threshold else text for text, margin in answers
    ]
