"""TunedModel: the winner of a race, to be used in a notebook and to be saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from albertkit.errors import Diagnostic, InputError
from albertkit.errors.arguments import describe_value
from albertkit.fileformats.atomic import create_directory
from albertkit.finetuning.data.columns import Task
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.race import LINEAR_TASKS, RaceResult, TrainedModel
from albertkit.finetuning.report import Report
from albertkit.finetuning.scores import choose_labels
from albertkit.tasks.answer import read_question
from albertkit.tasks.choose import read_choice_question
from albertkit.tasks.inputs import convert_to_list, read_texts


class TunedModel:
    """A trained model with its scores.

    Attributes:
        labels: The names of the labels, in the order of the head.
        task: What was learned.
        results: The result of each contender.
        diagnostics: The results of the checks of the data.
        report: Scores, errors and suspected labels of the validation rows.
        reads_pairs: Whether the model was trained on pairs of texts.
    """

    def __init__(
        self,
        model: TrainedModel,
        labels: LabelSet,
        report: Report,
        results: Sequence[RaceResult],
        diagnostics: Sequence[Diagnostic],
        *,
        reads_pairs: bool = False,
    ) -> None:
        """Keep the winner of a race; `finetune` makes these."""
        self._model = model
        self._label_set = labels
        self.labels = labels.names
        self.task = labels.task
        self.report = report
        self.results = tuple(results)
        self.diagnostics = tuple(diagnostics)
        self.reads_pairs = reads_pairs

    def predict(self, texts: Any) -> list[Any]:
        """Predict the labels of texts.

        Args:
            texts: A text, or a list or an iterator of texts; of a model for pairs tuples of two.
                For tagging texts or lists of words. For question answering tuples or dicts of
                `question` and `context`. For multiple choice dicts of `question`, `choices` and
                perhaps `context`.

        Returns:
            A list, also for one text. For each text a label; a tuple of labels for multi-label; a
            number for regression; a list of tags for tagging; the answer, "" for none; the number
            of the choice, from 0.

        Raises:
            InputError: [input-not-texts]; [inputs-shape] for pairs if the model learned single
                texts, and the reverse; [text-empty] and [option-invalid] for questions.
        """
        examples = _read_examples(self.task, texts, self.reads_pairs)
        if not len(examples):
            return []
        return choose_labels(self._label_set, self._model.predict(examples))

    def save_pretrained(self, path: str | Path) -> None:
        """Write the model and its report, completely or not at all.

        Args:
            path: The directory; its files of the same names are replaced.

        Raises:
            ResourceError: [write-failed].
        """
        with create_directory(Path(path)) as directory:
            self._model.write(directory, temperature=self.report.temperature)
            self.report.write(directory)

    save = save_pretrained

    def __repr__(self) -> str:
        return f"TunedModel({self.task}, {self.report.contender}, {self.report.score})"


def _read_examples(task: Task, texts: Any, reads_pairs: bool) -> Examples:
    """What `predict` got, as examples without labels."""
    first: list[str] = []
    second: list[str] | None = None
    words = choices = None
    is_one = isinstance(texts, str | Mapping) or (
        task in ("question-answering", *LINEAR_TASKS) and _is_tuple_of_texts(texts)
    )
    if isinstance(texts, Iterator):
        texts = list(texts)
    items: list[Any] = [texts] if is_one else convert_to_list(texts)
    if task == "tagging":
        words = [_read_words(item, number) for number, item in enumerate(items, 1)]
        first = [" ".join(own) for own in words]
    elif task == "question-answering":
        questions = [read_question(_name_parts(item), n) for n, item in enumerate(items, 1)]
        first, second = [own for own, _ in questions], [context for _, context in questions]
    elif task == "multiple-choice":
        asked = [read_choice_question(item, number) for number, item in enumerate(items, 1)]
        first, choices = [own.question for own in asked], [list(own.choices) for own in asked]
        if any(own.context is not None for own in asked):  # the context is the first text
            first, second = [own.context or "" for own in asked], first
    else:
        read = read_texts(items)
        if items and reads_pairs != (read.second is not None):
            raise InputError(
                "inputs-shape",
                f"{'single texts' if reads_pairs else 'pairs'} are given",
                why=f"this model was trained on {'pairs' if reads_pairs else 'single texts'}",
                fix=f"Give {'tuples of two texts' if reads_pairs else 'one text for each label'}",
            )
        first, second = read.first, read.second
    numbers = np.arange(1, len(first) + 1)
    return Examples(task, first, second, [], numbers, "texts", words=words, choices=choices)


def _read_words(item: object, number: int) -> list[str]:
    """The words of a text, or of a list of words."""
    words = item.split() if isinstance(item, str) else item
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise InputError(
            "input-not-texts",
            f"item {number} is {describe_value(item)}",
            why="this model tags the words of a text",
            fix="Give a text, or a list of words",
        )
    return list(words)


def _name_parts(item: object) -> object:
    """A tuple of a question and its context as a dict."""
    if _is_tuple_of_texts(item) and len(item) == 2:
        return {"question": item[0], "context": item[1]}
    return item


def _is_tuple_of_texts(value: object) -> TypeGuard[tuple[str, ...]]:
    return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
