"""MultipleChoice: which of several texts fits best, with a head that scores each.

Each choice is read with the prompt as a pair. With a context (as in RACE) the context is the first
text, and question and choice together the second; a gap "_" in the question is filled with the
choice. Source: google-research/albert race_utils.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypedDict, Unpack

import numpy as np

from albertkit.engine.packing import compute_head_logits
from albertkit.errors import InputError
from albertkit.errors.arguments import check_keywords, describe_value
from albertkit.runtime import LoadKeywords
from albertkit.spec.heads import MULTIPLE_CHOICE
from albertkit.tasks.answer import check_not_empty
from albertkit.tasks.classify import softmax
from albertkit.tasks.encode import ProgressLine, make_progress
from albertkit.tasks.head_call import HeadCall, HeadTask
from albertkit.tasks.inputs import FIRST_WINDOW, Texts, convert_to_list, split_windows
from albertkit.tasks.options import TruncationMode
from albertkit.tokenization import Encodings

GAP = "_"


class Choice(TypedDict):
    """The best choice."""

    answer: str
    index: int  # its number, from 0
    score: float  # its probability among the choices
    scores: list[float]  # of all choices, in their order


@dataclass(frozen=True, slots=True)
class ChoiceQuestion:
    """A question with its choices; context: a text that is read before, or None."""

    question: str
    choices: tuple[str, ...]
    context: str | None = None

    def pairs(self) -> list[tuple[str, str]]:
        """The first and the second text of each choice."""
        if self.context is None:
            return [(self.question, choice) for choice in self.choices]
        if GAP in self.question:
            return [(self.context, self.question.replace(GAP, choice)) for choice in self.choices]
        return [(self.context, f"{self.question} {choice}") for choice in self.choices]


Prepared: TypeAlias = tuple[list[ChoiceQuestion], Encodings]


class MultipleChoice(HeadTask):
    """The best of several choices.

    Args:
        model: A directory with a multiple choice head, or a name on a hub.
        truncation: What to do with texts that are too long: "error", "warn" or "off".
        **options: The fields of LoadOptions: engine, device, precision, policy, revision, …

    Raises:
        InputError: [head-missing], [option-invalid], and those of `load`.
        AlbertKitError: As `load`.
    """

    @check_keywords
    def __init__(
        self,
        model: str | Path | None = None,
        *,
        truncation: TruncationMode = "warn",
        **options: Unpack[LoadKeywords],
    ) -> None:
        super().__init__((MULTIPLE_CHOICE.name,), model, truncation, options)

    @check_keywords
    def __call__(
        self,
        inputs: object,
        choices: Sequence[str] | None = None,
        *,
        context: str | None = None,
        show_progress_bar: bool | None = None,
    ) -> Any:
        """Choose the best text for each question.

        Args:
            inputs: A question (or the beginning of a sentence) with `choices`; or dicts of
                `question`, `choices` and perhaps `context`: one, a list, or an iterator of them.
            choices: The texts to choose from, at least two.
            context: A text that is read before the question.
            show_progress_bar: None: yes on a terminal if the log level is INFO.

        Returns:
            A dict of answer, index, score and scores; of a list a list; of an iterator an iterator
            in the same order, a window of questions at a time.

        Raises:
            InputError: [input-not-texts], [text-empty], [option-invalid], [text-too-long].
        """
        if isinstance(inputs, Iterator):
            call = self.call(make_progress(show_progress_bar, None))
            return call.stream(_cut_windows(inputs, FIRST_WINDOW))
        if isinstance(inputs, str):
            inputs = {"question": inputs, "choices": choices, "context": context}
        is_one = isinstance(inputs, Mapping)
        items = [inputs] if is_one else convert_to_list(inputs)
        call = self.call(make_progress(show_progress_bar, len(items)))
        answers = call.collect(_cut_windows(iter(items), None))
        return answers[0] if is_one else answers

    def call(
        self, progress: ProgressLine | None = None
    ) -> HeadCall[list[ChoiceQuestion], Prepared, Choice]:
        """The call that chooses, for jobs and commands.

        Args:
            progress: Counts questions.
        """
        report = self.new_report()
        before = 0  # questions of earlier windows

        def prepare(questions: list[ChoiceQuestion]) -> Prepared:
            nonlocal before
            pairs = [pair for question in questions for pair in question.pairs()]
            firsts, seconds = [first for first, _ in pairs], [second for _, second in pairs]
            numbers = [n for n, question in enumerate(questions, before) for _ in question.choices]
            before += len(questions)
            texts = Texts(firsts, seconds, False, numbers)  # a choice has its question's number
            return questions, report.tokenize(self.tokenizer, texts)

        def compute(prepared: Prepared) -> list[Choice]:
            questions, encodings = prepared
            engine = self.model.engine_for(encodings)
            logits = compute_head_logits(engine, encodings, self.head)[:, 0]  # [all choices]
            ends = np.cumsum([len(question.choices) for question in questions])
            return [
                _choose(question, softmax(logits[end - len(question.choices) : end]).tolist())
                for question, end in zip(questions, ends.tolist(), strict=True)
            ]

        return HeadCall(prepare, compute, report, progress)


def read_choice_question(item: object, number: int) -> ChoiceQuestion:
    """A question of a dict.

    Args:
        item: With `question`, `choices`, and perhaps `context`.
        number: Of the question, for messages, from 1.

    Raises:
        InputError: [input-not-texts], [text-empty], [option-invalid].
    """
    if not isinstance(item, Mapping):
        raise InputError(
            "input-not-texts",
            f"question {number} is {describe_value(item)}",
            why="a question and its choices are a dict of both",
            fix='Give {"question": …, "choices": […]}',
        )
    choices = item.get("choices")
    if not isinstance(choices, Sequence) or isinstance(choices, str) or len(choices) < 2:
        raise InputError(
            "option-invalid",
            f"the choices of item {number} are {describe_value(choices)}",
            why="one of at least two texts is chosen",
            fix="Give a list of texts",
        )
    for choice in choices:
        check_not_empty(choice, "choice", number)
    check_not_empty(item.get("question"), "question", number)
    context = item.get("context")
    if context is not None:
        check_not_empty(context, "context", number)
    return ChoiceQuestion(item["question"], tuple(choices), context)


def _choose(question: ChoiceQuestion, scores: list[float]) -> Choice:
    index = int(np.argmax(scores))
    return Choice(answer=question.choices[index], index=index, score=scores[index], scores=scores)


def _cut_windows(items: Iterator[object], first: int | None) -> Iterator[list[ChoiceQuestion]]:
    """The questions in windows; raises when a wrong item is reached."""
    count = 0
    for window in split_windows(items, lambda item: len(str(item)), first):
        yield [read_choice_question(item, number) for number, item in enumerate(window, count + 1)]
        count += len(window)
