"""The one decoder of answers: scores of a context's windows → texts with their characters.

Input: questions with contexts, cut into windows, and what a head computes of them. Output: for each
question its likeliest answers. Evaluation during training, QuestionAnswerer and servers use these
functions: two decoders for one model differ by up to five points of F1.

Spans are ranked by the sum of the logits of start and end over all windows, as in google's and
Hugging Face's scripts for SQuAD. A score is the product of two probabilities, softmax over [CLS]
and the context's tokens of all windows: of a context with one window it is that of transformers'
pipeline. "No answer" has the scores of [CLS], the least of all windows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from albertkit.arrays import BoolArray, FloatArray, Int64Array
from albertkit.engine.protocol import Spans
from albertkit.tasks.options import AnswerOptions
from albertkit.tasks.token_windows import TokenWindows, cut_pieces, cut_token_windows
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.encode import check_texts, encode_texts, encode_texts_with_offsets
from albertkit.tokenization.encodings import select_pieces

WINDOW = 384  # ids. Source: ALBERT paper, table 14, SQuAD 1.1


class ContextAnswer(TypedDict):
    """An answer; Hugging Face's names. No answer: the text is empty, start and end are 0."""

    score: float
    start: int  # characters of the context
    end: int
    answer: str


@dataclass(frozen=True, slots=True)
class QuestionWindows:
    """Questions with their contexts, cut into windows.

    Attributes:
        contexts: [N], the context of each question.
        windows: The windows: [CLS] question [SEP] part of the context [SEP].
        cut_questions: How many questions were too long, and lost their ends.
    """

    contexts: Sequence[str]
    windows: TokenWindows
    cut_questions: int

    def is_excluded(self) -> BoolArray:
        """[T], tokens that neither start nor end an answer: all but [CLS] and the contexts'."""
        excluded = self.windows.numbers < 0
        excluded[self.windows.encodings.offsets[:-1]] = False
        return excluded

    def spans_of(self, question: int) -> Iterator[slice]:
        """The tokens of each window of a question."""
        offsets = self.windows.encodings.offsets
        first, last = np.searchsorted(self.windows.texts, [question, question + 1])
        for window in range(first, last):
            yield slice(int(offsets[window]), int(offsets[window + 1]))


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best spans of one context.

    Attributes:
        log_scores: [K], the logarithm of each span's score.
        start_pieces: [K], the number of its first piece in the context.
        end_pieces: [K], the number of its last piece.
        no_answer: The logarithm of the score of no answer.
    """

    log_scores: FloatArray
    start_pieces: Int64Array
    end_pieces: Int64Array
    no_answer: float


def cut_questions(
    tokenizer: AlbertTokenizer,
    questions: Sequence[str],
    contexts: Sequence[str],
    options: AnswerOptions,
    max_length: int,
) -> QuestionWindows:
    """Tokenize questions and contexts; equal contexts are tokenized once.

    Args:
        tokenizer: The model's.
        questions: [N].
        contexts: [N].
        options: Lengths and stride.
        max_length: Ids that the model reads at most.

    Returns:
        The windows.

    Raises:
        InputError: [max-length-too-small], [text-not-a-string].
    """
    vocabulary, policy = tokenizer.vocabulary, tokenizer.policy
    unique = {text: number for number, text in enumerate(dict.fromkeys(contexts))}
    own = encode_texts_with_offsets(check_texts(list(unique), "contexts"), vocabulary, policy)
    pieces = select_pieces(own, np.array([unique[text] for text in contexts], np.int64))
    length = min(options.max_seq_len or WINDOW, max_length)
    # a question never takes more than half of a window
    most = min(options.max_question_len, (length - 3) // 2)
    first, cut = cut_pieces(
        encode_texts(check_texts(questions, "questions"), vocabulary, policy), most
    )
    room = length - 3 - int(first.lengths.max(initial=0))
    windows = cut_token_windows(
        tokenizer, pieces, first, max_length=length, stride=min(options.doc_stride, room // 2)
    )
    return QuestionWindows(contexts, windows, cut)


def decode_logits(
    cut: QuestionWindows, start_logits: FloatArray, end_logits: FloatArray, options: AnswerOptions
) -> list[list[ContextAnswer]]:
    """The answers that a question answering head gives.

    Args:
        cut: N questions.
        start_logits: [T] of all tokens of all windows.
        end_logits: [T].
        options: How many answers, how long, and whether there may be none.

    Returns:
        [N], the best answers to each question, the best first.
    """
    return [
        rank_answers(
            cut, number, _score_logits(cut, number, start_logits, end_logits, options), options
        )
        for number in range(len(cut.contexts))
    ]


def decode_span_search(
    cut: QuestionWindows, spans: Spans, options: AnswerOptions
) -> list[list[ContextAnswer]]:
    """The answers that the head for SQuAD 2 gives.

    A span's score is that of its window, times the probability that the window has an answer.

    Args:
        cut: N questions.
        spans: Of each window.
        options: As for `decode_logits`.

    Returns:
        [N], the best answers to each question, the best first.
    """
    answers = []
    offsets = np.searchsorted(cut.windows.texts, np.arange(len(cut.contexts) + 1)).tolist()
    for number, (first, last) in enumerate(itertools.pairwise(offsets)):
        candidates = _score_spans(cut, spans, first, last, options)
        answers.append(rank_answers(cut, number, candidates, options))
    return answers


def rank_answers(
    cut: QuestionWindows, question: int, candidates: Candidates, options: AnswerOptions
) -> list[ContextAnswer]:
    """The best answers to one question; of equal texts, whatever their case, the best one."""
    context, mapping = cut.contexts[question], cut.windows.pieces.offset_mapping
    if mapping is None:
        raise AssertionError("answers need offsets")
    offset = int(cut.windows.pieces.offsets[question])
    answers: dict[str, ContextAnswer] = {}
    for log_score, first, last in zip(
        candidates.log_scores.tolist(),
        candidates.start_pieces.tolist(),
        candidates.end_pieces.tolist(),
        strict=True,
    ):
        start, end = int(mapping[offset + first, 0]), int(mapping[offset + last, 1])
        start, end = _trim(context, start, end, to_words=options.align_to_words)
        text = context[start:end]
        if not text:  # of ▁ alone
            continue
        answer = ContextAnswer(score=float(np.exp(log_score)), start=start, end=end, answer=text)
        answers.setdefault(text.lower(), answer)
    ranked = list(answers.values())
    if options.handle_impossible_answer or not ranked:
        best = float(candidates.log_scores[0]) if ranked else -np.inf
        margin = candidates.no_answer - best
        empty = ContextAnswer(score=float(np.exp(candidates.no_answer)), start=0, end=0, answer="")
        place = 0 if margin > (options.no_answer_threshold or 0.0) else _place(ranked, empty)
        ranked.insert(place, empty)
    return ranked[: options.top_k]


def _place(ranked: Sequence[ContextAnswer], empty: ContextAnswer) -> int:
    """The rank of no answer among answers of which the best goes before it."""
    return max(1, sum(answer["score"] >= empty["score"] for answer in ranked)) if ranked else 0


def _score_logits(
    cut: QuestionWindows,
    question: int,
    start_logits: FloatArray,
    end_logits: FloatArray,
    options: AnswerOptions,
) -> Candidates:
    """The best spans of all windows of a question, each once."""
    parts, no_answer = [], np.inf
    totals = []  # of each window: log of the sum of exp of starts and of ends
    for tokens in cut.spans_of(question):
        numbers = cut.windows.numbers[tokens]
        is_context = np.flatnonzero(numbers >= 0)
        cls_and_context = np.concatenate([[0], is_context])
        starts, ends = start_logits[tokens], end_logits[tokens]
        totals.append([_log_sum(starts[cls_and_context]), _log_sum(ends[cls_and_context])])
        no_answer = min(no_answer, float(starts[0] + ends[0]))
        parts.append(
            (*_find_best_spans(starts[is_context], ends[is_context], options), numbers[is_context])
        )
    scale = sum(_log_sum(np.array(column)) for column in zip(*totals, strict=True))
    best: dict[tuple[int, int], float] = {}  # a span in two windows has the better score
    for scores, starts_of, ends_of, numbers in parts:
        for score, start, end in zip(scores, starts_of, ends_of, strict=True):
            span = (int(numbers[start]), int(numbers[end]))
            best[span] = max(best.get(span, -np.inf), float(score))
    return _make_candidates(best, -scale, no_answer - scale, options)


def _score_spans(
    cut: QuestionWindows, spans: Spans, first: int, last: int, options: AnswerOptions
) -> Candidates:
    """The best spans of the windows `first` to `last` - 1, which are those of a question."""
    best: dict[tuple[int, int], float] = {}
    offsets = cut.windows.encodings.offsets
    for window in range(first, last):
        numbers = cut.windows.numbers[offsets[window] : offsets[window + 1]]
        has_answer = -np.logaddexp(0, spans.no_answer_logit[window])
        for k, start in enumerate(spans.start_index[window].tolist()):
            for m, end in enumerate(spans.end_index[window, k].tolist()):
                if start < 0 or end < start or numbers[start] < 0 or numbers[end] < 0:
                    continue
                if numbers[end] - numbers[start] >= options.max_answer_len:
                    continue
                score = spans.start_log_probs[window, k] + spans.end_log_probs[window, k, m]
                span = (int(numbers[start]), int(numbers[end]))
                best[span] = max(best.get(span, -np.inf), float(score + has_answer))
    no_answer = -np.logaddexp(0, -spans.no_answer_logit[first:last].min())
    return _make_candidates(best, 0.0, float(no_answer), options)


def _make_candidates(
    scores: dict[tuple[int, int], float], shift: float, no_answer: float, options: AnswerOptions
) -> Candidates:
    """The best of the spans; shift: what is added to each score."""
    ordered = sorted(scores.items(), key=lambda item: -item[1])[: _count_candidates(options)]
    spans = np.array([span for span, _ in ordered], np.int64).reshape(-1, 2)
    log_scores = np.array([score for _, score in ordered], np.float32) + np.float32(shift)
    return Candidates(log_scores, spans[:, 0], spans[:, 1], no_answer)


def _find_best_spans(
    starts: FloatArray, ends: FloatArray, options: AnswerOptions
) -> tuple[FloatArray, Int64Array, Int64Array]:
    """Scores, first and last tokens of the best spans of one window, from its logits [L]."""
    L, M = len(starts), min(options.max_answer_len, len(starts))
    if not L:
        return np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int64)
    padded = np.concatenate([ends, np.full(M - 1, -np.inf, np.float32)])
    scores = starts[:, None] + np.lib.stride_tricks.sliding_window_view(padded, M)  # [L, M]
    flat = scores.ravel()
    count = min(_count_candidates(options), len(flat))
    best = np.argpartition(-flat, count - 1)[:count]
    best = best[np.isfinite(flat[best])]
    first = best // M
    return flat[best], first, first + best % M


def _count_candidates(options: AnswerOptions) -> int:
    """Spans to look at: some have the same text. Source: transformers' pipeline."""
    return 2 * options.top_k + 10


def _log_sum(values: FloatArray) -> float:
    high = float(values.max())
    return high + float(np.log(np.exp(values - high).sum()))


def _trim(text: str, start: int, end: int, *, to_words: bool) -> tuple[int, int]:
    """Take whitespace off both ends, or extend both to the next whitespace."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if to_words and start < end:
        while start > 0 and not text[start - 1].isspace():
            start -= 1
        while end < len(text) and not text[end].isspace():
            end += 1
    return start, end
