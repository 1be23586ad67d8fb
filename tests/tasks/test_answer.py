"""Answers are the best spans of all, by a slow search over every pair of tokens.

The parity with transformers' pipeline is in tests_transformers4: version 5 has none.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.tiny_heads import SENTENCES, save_head

from albertkit.engine.packing import compute_head_logits, compute_spans
from albertkit.engine.protocol import SpanSearch
from albertkit.errors import FormatError, InputError
from albertkit.tasks import QuestionAnswerer
from albertkit.tasks.answer_spans import cut_questions
from albertkit.tasks.options import AnswerOptions

HEAD = "question_answering"
CONTEXT = "  ".join(SENTENCES[number % 5] for number in range(12))
QUESTION = "Who is the king?"


def search_all(
    answerer: QuestionAnswerer, question: str, context: str, options: AnswerOptions
) -> tuple[dict[tuple[int, int], float], float]:
    """The log score of every span by its characters, and that of no answer."""
    cut = cut_questions(answerer.tokenizer, [question], [context], options, 128)
    encodings = cut.windows.encodings
    engine = answerer.model.engines.engine_for(encodings)
    logits = compute_head_logits(engine, encodings, HEAD)
    mapping = cut.windows.pieces.offset_mapping
    assert mapping is not None
    spans: dict[tuple[int, int], float] = {}
    totals = np.zeros(2)
    none = math.inf
    for begin, end in zip(encodings.offsets[:-1], encodings.offsets[1:], strict=True):
        start_logits, end_logits = logits[begin:end].T
        tokens = [t for t in range(end - begin) if cut.windows.numbers[begin + t] >= 0]
        totals += np.exp(logits[begin:end][[0, *tokens]]).sum(axis=0)
        none = min(none, float(start_logits[0] + end_logits[0]))
        for first in tokens:
            for last in tokens:
                if first <= last < first + options.max_answer_len:
                    pieces = cut.windows.numbers[begin + np.array([first, last])]
                    place = (int(mapping[pieces[0], 0]), int(mapping[pieces[1], 1]))
                    score = float(start_logits[first] + end_logits[last])
                    spans[place] = max(score, spans.get(place, -math.inf))
    scale = float(np.log(totals).sum())
    return {place: score - scale for place, score in spans.items()}, none - scale


@pytest.mark.parametrize("context", [SENTENCES[4], CONTEXT], ids=["one window", "five"])
@pytest.mark.parametrize("most", [1, 4, 30])
def test_the_answer_is_the_best_of_all_spans(context: str, most: int, tmp_path: Path) -> None:
    answerer = QuestionAnswerer(save_head(tmp_path / "model", HEAD, scale=3))
    options = AnswerOptions(max_answer_len=most, max_seq_len=64, doc_stride=16)
    spans, _ = search_all(answerer, QUESTION, context, options)
    best = max((place for place in spans if place[0] < place[1]), key=spans.__getitem__)
    answer = answerer(
        question=QUESTION, context=context, max_answer_len=most, max_seq_len=64, doc_stride=16
    )
    assert answer["answer"] == context[answer["start"] : answer["end"]]
    assert answer["answer"] == context[best[0] : best[1]].strip()  # the last piece may be ▁
    assert answer["start"] == best[0]
    assert answer["score"] == pytest.approx(math.exp(spans[best]), rel=1e-4)


def test_several_answers_are_in_their_order_and_differ(tmp_path: Path) -> None:
    answerer = QuestionAnswerer(save_head(tmp_path / "model", HEAD, scale=3))
    answers = answerer(question=QUESTION, context=CONTEXT, top_k=5)
    scores = [answer["score"] for answer in answers]
    assert len(answers) == len({answer["answer"].lower() for answer in answers}) == 5
    assert scores == sorted(scores, reverse=True)
    assert all(CONTEXT[answer["start"] : answer["end"]] == answer["answer"] for answer in answers)


def test_no_answer_has_the_score_of_cls(tmp_path: Path) -> None:
    answerer = QuestionAnswerer(save_head(tmp_path / "model", HEAD, scale=3))
    spans, none = search_all(answerer, QUESTION, SENTENCES[4], AnswerOptions())
    answers = answerer(
        question=QUESTION, context=SENTENCES[4], top_k=100, handle_impossible_answer=True
    )
    empty = next(answer for answer in answers if not answer["answer"])
    assert (empty["start"], empty["end"]) == (0, 0)
    assert empty["score"] == pytest.approx(math.exp(none), rel=1e-4)
    best = max(answers, key=lambda answer: answer["score"] if answer["answer"] else 0)
    margin = none - math.log(best["score"])
    for threshold, is_empty in ((margin - 0.01, True), (margin + 0.01, False)):
        answer = answerer(
            question=QUESTION,
            context=SENTENCES[4],
            handle_impossible_answer=True,
            no_answer_threshold=threshold,
        )
        assert (answer["answer"] == "") == is_empty
    assert spans


def test_the_config_decides_whether_there_may_be_no_answer(tmp_path: Path) -> None:
    save_head(tmp_path / "always", HEAD, no_answer_threshold=-1000)
    assert QuestionAnswerer(tmp_path / "always")(question="a?", context="b")["answer"] == ""
    save_head(tmp_path / "never", HEAD, no_answer_threshold=1000)
    assert QuestionAnswerer(tmp_path / "never")(question="a?", context="b")["answer"] == "b"
    save_head(tmp_path / "broken", HEAD, no_answer_threshold="high")
    with pytest.raises(FormatError, match=r"\[config-value-invalid\]"):
        QuestionAnswerer(tmp_path / "broken")


def test_the_head_for_squad_2_gives_answers_or_none(tmp_path: Path) -> None:
    answerer = QuestionAnswerer(save_head(tmp_path / "model", "span_search"))
    for context in (SENTENCES[4], CONTEXT):
        cut = cut_questions(answerer.tokenizer, [QUESTION], [context], AnswerOptions(), 128)
        encodings = cut.windows.encodings
        engine = answerer.model.engines.engine_for(encodings)
        spans = compute_spans(engine, encodings, SpanSearch(5, 5, cut.is_excluded()))
        none = 1 / (1 + math.exp(-float(spans.no_answer_logit.min())))
        answers = answerer(question=QUESTION, context=context, top_k=20)
        empty = next(answer for answer in answers if not answer["answer"])
        assert empty["score"] == pytest.approx(none, rel=1e-4)
        for answer in answers:
            assert context[answer["start"] : answer["end"]] == answer["answer"]
        assert sum(answer["score"] for answer in answers) < len(encodings) + 1e-6
        kept = answerer(question=QUESTION, context=context, handle_impossible_answer=False)
        assert kept["answer"]


def test_answers_can_be_extended_to_whole_words(tmp_path: Path) -> None:
    answerer = QuestionAnswerer(save_head(tmp_path / "model", HEAD, scale=3))
    for answer in answerer(question=QUESTION, context=CONTEXT, top_k=8, align_to_words=True):
        assert set(answer["answer"].split()) <= set(CONTEXT.split())


def assert_same(answers: Any, expected: list[Any]) -> None:
    """The same places; the scores to rounding, which depends on the other rows of a product."""
    assert len(answers) == len(expected)
    for answer, other in zip(answers, expected, strict=True):
        assert answer["score"] == pytest.approx(other["score"], rel=1e-5)
        assert answer | {"score": 0} == other | {"score": 0}


def test_forms_of_questions(tmp_path: Path) -> None:
    answerer = QuestionAnswerer(save_head(tmp_path / "model", HEAD, scale=3))
    one = answerer(question=QUESTION, context=CONTEXT)
    item = {"question": QUESTION, "context": CONTEXT}
    assert_same([answerer(item)], [one])
    assert_same(answerer([item, item]), [one, one])
    assert_same(answerer(question=[QUESTION, QUESTION], context=CONTEXT), [one, one])
    assert_same(answerer(question=[QUESTION], context=[CONTEXT]), [one])
    many = [{"question": f"{QUESTION} {n}", "context": SENTENCES[n % 5]} for n in range(40)]
    stream = [answer["answer"] for answer in answerer(iter(many))]
    assert stream == [answer["answer"] for answer in answerer(many)]
    assert answerer([]) == []


def test_long_questions_are_cut_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answerer = QuestionAnswerer(save_head(tmp_path / "model", HEAD))
    caplog.clear()
    answers = answerer(question=["king " * 100, "a?"], context="the house of the king")
    assert len(answers) == 2
    assert [record.message for record in caplog.records] == [
        "1 of 2 questions was cut; a question takes at most max_question_len pieces, and half of a"
        " window. Shorten it, or give a larger max_question_len; contexts are read whole."
        " [text-truncated]"
    ]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"question": "", "context": "b"}, "text-empty"),
        ({"question": "a", "context": " "}, "text-empty"),
        ({"question": "a", "context": None}, "input-not-texts"),
        ({"inputs": ["a"]}, "input-not-texts"),
        ({"question": None, "context": "b"}, "input-not-texts"),
        ({}, "input-not-texts"),
        ({"inputs": "a", "context": "b"}, "input-not-texts"),
        ({"question": ["a", "b"], "context": ["c"]}, "pairs-unequal"),
        ({"question": "a", "context": "b", "no_answer_threshold": "x"}, "option-invalid"),
        ({"question": "a", "context": "b", "no_answer_threshold": float("nan")}, "option-invalid"),
        ({"question": "a", "context": "b", "top_k": 0}, "option-invalid"),
        ({"question": "a", "context": "b", "max_seq_len": 4}, "option-invalid"),
        ({"question": "a", "context": "b", "doc_strides": 4}, "unknown-keyword"),
    ],
)
def test_wrong_inputs_are_refused(given: dict[str, Any], code: str, tmp_path: Path) -> None:
    answerer = QuestionAnswerer(save_head(tmp_path / "model", HEAD))
    with pytest.raises(InputError, match=rf"\[{code}\]"):
        answerer(**given)


def test_a_model_without_the_head_is_refused() -> None:
    with pytest.raises(InputError, match=r"question_answering or span_search.*\[head-missing\]"):
        QuestionAnswerer()
