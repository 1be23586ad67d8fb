"""Answers are those of the pipeline of transformers 4, the last version that has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers
from tests.support.tiny_heads import SENTENCES, save_head

from albertkit import QuestionAnswerer

QUESTIONS = ["Who is the king?", "What fell in 1944", "how large"]


@pytest.mark.parametrize("scale", [1.0, 4.0])
@pytest.mark.parametrize("most", [1, 5, 15])
def test_answers_are_those_of_the_pipeline(scale: float, most: int, tmp_path: Path) -> None:
    """Of a context with one window; of several windows the pipeline ranks softmaxes of each."""
    save_head(tmp_path / "model", "question_answering", scale=scale)
    make: Any = transformers.pipeline  # the types are those of version 5
    pipe = make("question-answering", model=str(tmp_path / "model"))
    ours = QuestionAnswerer(tmp_path / "model")
    checked = 0
    for question in QUESTIONS:
        for context in (SENTENCES[0], SENTENCES[4], f"{SENTENCES[0]}. {SENTENCES[4]}"):
            for impossible in (False, True):
                theirs = pipe(
                    question=question,
                    context=context,
                    max_answer_len=most,
                    handle_impossible_answer=impossible,
                    align_to_words=False,
                )
                if not theirs["answer"].strip() and theirs["end"]:  # of the piece ▁ alone
                    continue
                mine = ours(
                    question=question,
                    context=context,
                    max_answer_len=most,
                    handle_impossible_answer=impossible,
                )
                assert list(mine) == list(theirs)
                assert mine["answer"] == theirs["answer"].strip()
                assert mine["end"] == theirs["end"]
                assert mine["score"] == pytest.approx(theirs["score"], abs=2e-5)
                checked += 1
    assert checked > 10
