"""Scores of choices are the softmax of transformers' logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.support.tiny_heads import SENTENCES, save_head

from albertkit.errors import InputError
from albertkit.tasks import MultipleChoice
from albertkit.tasks.choose import ChoiceQuestion

HEAD = "multiple_choice"
QUESTIONS: list[dict[str, Any]] = [
    {"question": SENTENCES[0], "choices": ["a king", "the house of the war", "no"]},
    {"question": "Who _ it?", "choices": ["said", "was"], "context": SENTENCES[4]},
    {"question": "Who is it?", "choices": ["the king", "a"], "context": SENTENCES[1]},
]


def test_scores_are_those_of_transformers(tmp_path: Path) -> None:
    chooser = MultipleChoice(save_head(tmp_path / "model", HEAD, scale=3))
    model = transformers.AlbertForMultipleChoice.from_pretrained(tmp_path / "model").eval()
    answers = chooser(QUESTIONS)
    for item, answer in zip(QUESTIONS, answers, strict=True):
        pairs = ChoiceQuestion(item["question"], item["choices"], item.get("context")).pairs()
        rows: Any = chooser.tokenizer(pairs, padding=True, return_tensors="pt")
        inputs = {name: value[None] for name, value in dict(rows).items()}
        with torch.no_grad():
            expected = model(**inputs).logits.softmax(-1)[0].numpy()
        np.testing.assert_allclose(answer["scores"], expected, atol=2e-5)
        assert answer["index"] == int(expected.argmax())
        assert answer["answer"] == item["choices"][answer["index"]]
        assert answer["score"] == max(answer["scores"])


def test_a_gap_is_filled_with_each_choice() -> None:
    filled = ChoiceQuestion("Who _ it?", ("said", "was"), "A text.").pairs()
    assert filled == [("A text.", "Who said it?"), ("A text.", "Who was it?")]
    joined = ChoiceQuestion("Who?", ("he", "she"), "A text.").pairs()
    assert joined == [("A text.", "Who? he"), ("A text.", "Who? she")]
    assert ChoiceQuestion("He", ("a", "b")).pairs() == [("He", "a"), ("He", "b")]


def test_forms_of_questions(tmp_path: Path) -> None:
    chooser = MultipleChoice(save_head(tmp_path / "model", HEAD, scale=3))
    first = QUESTIONS[0]
    one = chooser(first["question"], first["choices"])
    assert chooser(first) == one
    assert chooser([first]) == [one]
    stream = chooser(iter(QUESTIONS * 20))
    assert [answer["answer"] for answer in stream] == [
        answer["answer"] for answer in chooser(QUESTIONS * 20)
    ]
    with_context = chooser("Who _ it?", ["said", "was"], context=SENTENCES[4])
    assert with_context == chooser(QUESTIONS[1])
    assert chooser([]) == []


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"question": "a", "choices": ["b"]}, "option-invalid"),
        ({"question": "a", "choices": "bc"}, "option-invalid"),
        ({"question": "a"}, "option-invalid"),
        ({"question": "a", "choices": ["b", ""]}, "text-empty"),
        ({"question": "a", "choices": ["b", None]}, "input-not-texts"),
        ({"question": " ", "choices": ["b", "c"]}, "text-empty"),
        ({"question": "a", "choices": ["b", "c"], "context": ""}, "text-empty"),
        ("a", "input-not-texts"),
    ],
)
def test_wrong_inputs_are_refused(item: object, code: str, tmp_path: Path) -> None:
    chooser = MultipleChoice(save_head(tmp_path / "model", HEAD))
    with pytest.raises(InputError, match=rf"\[{code}\]"):
        chooser([item])
    with pytest.raises(InputError, match=r"multiple_choice.*\[head-missing\]"):
        MultipleChoice()


def test_a_choice_that_is_too_long_is_named_by_its_question(tmp_path: Path) -> None:
    chooser = MultipleChoice(save_head(tmp_path / "model", HEAD), truncation="error")
    questions = [*QUESTIONS[:1], {"question": "a", "choices": ["b", "the house " * 100]}]
    with pytest.raises(InputError, match=r"text 2 is too long.*\[text-too-long\]"):
        chooser(questions)
