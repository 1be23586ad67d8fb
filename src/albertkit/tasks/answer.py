"""QuestionAnswerer: answers from a text, as Hugging Face's pipeline gave them.

transformers 5 has no pipeline("question-answering"); the names are those of 4.57. Differences: a
context of any length has one ranking over all its windows; answers are not extended to whole words
unless asked; a list always gives a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from albertkit.engine.packing import compute_head_logits, compute_spans
from albertkit.engine.protocol import SpanSearch
from albertkit.errors import Diagnostic, FormatError, InputError
from albertkit.errors.arguments import check_keywords, describe_value
from albertkit.runtime import LoadKeywords
from albertkit.spec.heads import QUESTION_ANSWERING, SPAN_SEARCH
from albertkit.tasks.answer_spans import (
    ContextAnswer,
    QuestionWindows,
    cut_questions,
    decode_logits,
    decode_span_search,
)
from albertkit.tasks.encode import ProgressLine, make_progress
from albertkit.tasks.head_call import HeadCall, HeadTask
from albertkit.tasks.inputs import FIRST_WINDOW, convert_to_list, split_windows
from albertkit.tasks.options import AnswerOptions
from albertkit.tasks.reports import EncodeReport

NO_ANSWER = "no_answer_threshold"  # a key of config.json, written by fine-tuning
LIKELY = 5  # starts that the head for SQuAD 2 looks at, and ends of each. Source: google


@dataclass(frozen=True, slots=True)
class Questions:
    """N questions, each with its context."""

    questions: list[str]
    contexts: list[str]

    def __len__(self) -> int:
        return len(self.questions)


class QuestionReport(EncodeReport):
    """Counts of questions; a question that is too long loses its end."""

    cut = 0

    def add(self, other: EncodeReport) -> None:
        """Count the questions of another part of the same job."""
        EncodeReport.add(self, other)
        if isinstance(other, QuestionReport):
            self.cut += other.cut

    def diagnostics(self) -> list[Diagnostic]:
        """The warnings, for callers that do not read logs."""
        if not self.cut:
            return []
        count = f"{self.cut:,} of {self.texts:,} questions" if self.texts > 1 else "the question"
        return [
            Diagnostic(
                "text-truncated",
                "warning",
                f"{count} {'were' if self.cut > 1 else 'was'} cut",
                why="a question takes at most max_question_len pieces, and half of a window",
                fix="Shorten it, or give a larger max_question_len; contexts are read whole",
            )
        ]


class QuestionAnswerer(HeadTask):
    """Answers to questions, found in a text.

    Args:
        model: A directory with a head for question answering, or google's for SQuAD 2; or a name
            on a hub.
        **options: The fields of LoadOptions: engine, device, precision, policy, revision, …

    Raises:
        InputError: [head-missing], and those of `load`.
        FormatError: [config-value-invalid] for a `no_answer_threshold` that is not a number.
        AlbertKitError: As `load`.
    """

    @check_keywords
    def __init__(self, model: str | Path | None = None, **options: Unpack[LoadKeywords]) -> None:
        super().__init__((QUESTION_ANSWERING.name, SPAN_SEARCH.name), model, "warn", options)
        threshold = self.model.config.extra.get(NO_ANSWER)
        if threshold is not None and not isinstance(threshold, int | float):
            raise FormatError(
                "config-value-invalid",
                f"{NO_ANSWER} is {threshold!r}",
                why="it is a difference of two logarithms",
                fix=f"Correct it, or remove {NO_ANSWER} from the config",
                where="config.json",
            )
        self.no_answer_threshold: float | None = threshold

    @check_keywords
    def __call__(
        self,
        inputs: object = None,
        *,
        question: object = None,
        context: object = None,
        top_k: int = 1,
        handle_impossible_answer: bool | None = None,
        no_answer_threshold: float | None = None,
        max_answer_len: int = 30,
        max_seq_len: int | None = None,
        doc_stride: int = 128,
        max_question_len: int = 64,
        align_to_words: bool = False,
        show_progress_bar: bool | None = None,
    ) -> Any:
        """Answer questions.

        Args:
            inputs: A dict of `question` and `context`, a list of such dicts, or an iterator.
            question: A question, or a list of questions; in place of inputs.
            context: The text with the answer; one for all questions, or as many as questions.
            top_k: How many answers to each question.
            handle_impossible_answer: Whether "" may be the answer. None: if the config has a
                `no_answer_threshold`, or the model has the head for SQuAD 2.
            no_answer_threshold: How much likelier than the best answer "no answer" must be, as the
                difference of two logarithms. None: as the config says, else 0.
            max_answer_len: Maximum number of pieces of an answer.
            max_seq_len: Maximum number of ids of a window. None: what the model reads, up to 384.
            doc_stride: Pieces that neighbouring windows of a long context share; at most half of
                the room for a context.
            max_question_len: Maximum number of pieces of a question.
            align_to_words: Extend answers to whole words, between two spaces.
            show_progress_bar: None: yes on a terminal if the log level is INFO.

        Returns:
            A dict of score, start, end and answer; with top_k above 1 a list of them. Of a list a
            list; of an iterator an iterator in the same order, a window of questions at a time.
            "No answer" is "", from 0 to 0.

        Raises:
            InputError: [input-not-texts], [text-empty], [pairs-unequal], [option-invalid].
        """
        options = AnswerOptions(
            top_k=top_k,
            handle_impossible_answer=handle_impossible_answer,
            no_answer_threshold=no_answer_threshold,
            max_answer_len=max_answer_len,
            max_seq_len=max_seq_len,
            doc_stride=doc_stride,
            max_question_len=max_question_len,
            align_to_words=align_to_words,
        )

        def convert(answers: list[ContextAnswer]) -> Any:
            return answers[0] if top_k == 1 else answers

        if isinstance(inputs, Iterator):
            call = self.call(options, make_progress(show_progress_bar, None))
            return map(convert, call.stream(_read_stream(inputs)))
        is_one = isinstance(inputs, Mapping) or isinstance(question, str)
        items = _read_inputs(inputs, question, context)
        call = self.call(options, make_progress(show_progress_bar, len(items)))
        answers = [convert(answer) for answer in call.collect(_cut_windows(iter(items), None))]
        return answers[0] if is_one else answers

    def call(
        self, options: AnswerOptions, progress: ProgressLine | None = None
    ) -> HeadCall[Questions, QuestionWindows, list[ContextAnswer]]:
        """The call that finds the answers to each question, for jobs and commands.

        Args:
            options: How many answers, of what length, from which windows.
            progress: Counts questions.
        """
        options = self.complete_options(options)
        report = QuestionReport(self.model.max_length, "warn")

        def prepare(window: Questions) -> QuestionWindows:
            cut = cut_questions(
                self.tokenizer, window.questions, window.contexts, options, report.max_length
            )
            report.texts += len(window)
            report.cut += cut.cut_questions
            return cut

        def compute(cut: QuestionWindows) -> list[list[ContextAnswer]]:
            encodings = cut.windows.encodings
            engine = self.model.engine_for(encodings)
            if self.head == SPAN_SEARCH.name:
                search = SpanSearch(LIKELY, LIKELY, cut.is_excluded())
                return decode_span_search(cut, compute_spans(engine, encodings, search), options)
            logits = compute_head_logits(engine, encodings, self.head)  # [T, 2]
            return decode_logits(cut, logits[:, 0], logits[:, 1], options)

        return HeadCall(prepare, compute, report, progress)

    def complete_options(self, options: AnswerOptions) -> AnswerOptions:
        """Decide what the options leave to the model's config and head.

        Args:
            options: As the caller gave them.
        """
        threshold = options.no_answer_threshold
        if threshold is None:
            threshold = self.no_answer_threshold
        allows = options.handle_impossible_answer
        if allows is None:
            allows = threshold is not None or self.head == SPAN_SEARCH.name
        return replace(options, handle_impossible_answer=allows, no_answer_threshold=threshold)


def _read_inputs(inputs: object, question: object, context: object) -> list[object]:
    """Dicts of question and context."""
    if isinstance(inputs, str) or (inputs is None and question is None):
        raise InputError(
            "input-not-texts",
            f"the questions are {describe_value(inputs)}",
            why="a question and its context are a dict of both, or two keywords",
            fix="Give question= and context=, or a dict of both",
        )
    if inputs is not None:
        return [inputs] if isinstance(inputs, Mapping) else convert_to_list(inputs)
    if isinstance(question, str):
        return [{"question": question, "context": context}]
    questions = convert_to_list(question)
    contexts = [context] * len(questions) if isinstance(context, str) else convert_to_list(context)
    if len(questions) != len(contexts):
        raise InputError(
            "pairs-unequal",
            f"{len(questions)} questions and {len(contexts)} contexts",
            why="each question has one context",
            fix="Give as many of both, or one context for all questions",
        )
    return [
        {"question": first, "context": second}
        for first, second in zip(questions, contexts, strict=True)
    ]


def _read_stream(items: Iterator[object]) -> Iterator[Questions]:
    return _cut_windows(items, FIRST_WINDOW)


def _cut_windows(items: Iterator[object], first: int | None) -> Iterator[Questions]:
    """The questions in windows; raises when a wrong item is reached."""
    count = 0
    for window in split_windows(items, _count_characters, first):
        pairs = [read_question(item, number) for number, item in enumerate(window, count + 1)]
        count += len(window)
        yield Questions([question for question, _ in pairs], [context for _, context in pairs])


def read_question(item: object, number: int) -> tuple[str, str]:
    """Question and context of a dict.

    Args:
        item: With `question` and `context`.
        number: Of the question, for messages, from 1.

    Raises:
        InputError: [input-not-texts], [text-empty].
    """
    if not isinstance(item, Mapping):
        raise InputError(
            "input-not-texts",
            f"question {number} is {describe_value(item)}",
            why="a question and its context are a dict of both",
            fix='Give {"question": …, "context": …}',
        )
    for name in ("question", "context"):
        check_not_empty(item.get(name), name, number)
    return item["question"], item["context"]


def check_not_empty(text: object, name: str, number: int) -> None:
    """Refuse a text that is not a str, or has no letters.

    Args:
        text: The text.
        name: What it is: "question".
        number: Of the item, for messages, from 1.

    Raises:
        InputError: [input-not-texts], [text-empty].
    """
    if not isinstance(text, str):
        raise InputError(
            "input-not-texts",
            f"the {name} of item {number} is {describe_value(text)}",
            why=f"a {name} is a str",
            fix="Correct it, or leave the item out",
        )
    if not text.strip():
        raise InputError(
            "text-empty",
            f"the {name} of item {number} is empty",
            why="there is nothing to read",
            fix="Correct it, or leave the item out",
        )


def _count_characters(item: object) -> int:
    """The characters that an item adds to a window."""
    texts: Sequence[object] = list(item.values()) if isinstance(item, Mapping) else []
    return sum(len(text) for text in texts if isinstance(text, str))
