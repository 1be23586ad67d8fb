"""Jobs of the tasks with a head: labels, tags, answers and choices of rows of files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors import InputError
from albertkit.tables import RowBatch, Table
from albertkit.tables.table import convert_to_json_cells
from albertkit.tasks.answer import QuestionAnswerer, Questions, read_question
from albertkit.tasks.choose import ChoiceQuestion, MultipleChoice, read_choice_question
from albertkit.tasks.classify import TextClassifier
from albertkit.tasks.encode import ProgressLine
from albertkit.tasks.head_call import HeadCall, HeadTask
from albertkit.tasks.inputs import RowWindows, Texts
from albertkit.tasks.invalid_cells import find_missing_choices, find_missing_texts, read_choices
from albertkit.tasks.job import TableJob
from albertkit.tasks.options import AnswerOptions, ClassifyOptions, TagOptions, TruncationMode
from albertkit.tasks.reports import EncodeReport
from albertkit.tasks.tag import TokenClassifier

if TYPE_CHECKING:
    from albertkit.fileformats.reader import JsonValue
    from albertkit.tables.cells import CellType
    from albertkit.tables.chunk import FindErrors, RowError
    from albertkit.tables.table import Column, KeptColumns

Columns = dict[str, "Column"]
LABEL_SCORES: CellType = [{"label": "string", "score": "double"}]
ENTITIES: CellType = [
    {
        "entity": "string",
        "score": "double",
        "word": "string",
        "start": "int64",
        "end": "int64",
    }
]


@dataclass(frozen=True, slots=True)
class HeadJobCall:
    """Computes the results of rows; see JobCall.

    Attributes:
        call: Computes the answers to windows.
        read: Makes a window of rows, whose numbers are given.
        write: Makes columns of a window's answers.
        columns: The columns of rows that are written with them.
    """

    call: HeadCall[Any, Any, Any]
    read: Callable[[RowBatch, Sequence[int]], Any]
    write: Callable[[list[Any]], Columns]
    columns: Callable[[RowBatch], Columns]

    @property
    def report(self) -> EncodeReport:
        """Counts what happens to the texts."""
        return self.call.report

    def tables(self, windows: RowWindows, *, is_live: bool = False) -> Generator[Table]:
        """Yield a table of columns and results for each window."""
        inputs = (self.read(rows, numbers) for rows, numbers in windows.rows())
        with closing(self.call.answers(inputs, is_live=is_live)) as parts:
            for answers in parts:
                yield Table({**self.columns(windows.take_rows()), **self.write(answers)})

    def write_other_files(self, path: Path) -> None:
        """Nothing: all results are in one file."""

    def empty_table(self, windows: RowWindows, rows: RowBatch) -> Table:
        """A table of the same columns without a row."""
        columns = {name: column[:0] for name, column in self.columns(rows).items()}
        return Table({**columns, **self.write([])})


@dataclass(frozen=True, slots=True)
class HeadJob(TableJob):
    """What the jobs of this module share.

    Args:
        locations: As for TableJob, and the fields up to `load`.
        truncation: What to do with texts that are too long; contexts of questions, and texts that
            are tagged, are read whole.
    """

    truncation: TruncationMode = "warn"

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns of further texts of each row."""
        return ()

    @property
    def columns(self) -> tuple[str, ...]:
        """See TableJob."""
        return tuple(dict.fromkeys((*self.kept_columns, *self.text_columns)))

    def characters(self, rows: RowBatch) -> Sequence[int]:
        """See TableJob; all texts of a row count, and the context that all rows share."""
        shared = len(getattr(self, "context", None) or "")
        columns = (convert_to_json_cells(rows.kept[name]) for name in self.text_columns)
        return [
            shared + sum(len(str(cell)) for cell in cells)
            for cells in zip(rows.texts, *columns, strict=True)
        ]

    def output_columns(self, rows: RowBatch) -> Columns:
        """The columns that are written with the results: the kept ones, or what was read."""
        if self.keep:
            return {name: rows.kept[name] for name in self.kept_columns}
        return {"text": list(rows.texts), **rows.kept}

    def check_output(self, path: Path) -> None:
        """See TableJob; a file of vectors cannot hold these results."""
        if path.suffix.lower() == ".npy":
            raise InputError(
                "output-format-unknown",
                f"{str(path)!r} ends in .npy",
                why=".npy holds one array of numbers, and these results are labels and texts",
                fix="Write .jsonl, .csv or .parquet",
            )

    @abstractmethod
    def start(self, opened: Any, line: ProgressLine | None = None) -> HeadJobCall:
        """See TableJob."""

    def settings(self, opened: HeadTask) -> dict[str, JsonValue]:
        """See TableJob."""
        options: Any = getattr(self, "options", None)
        own: dict[str, Any] = {} if options is None else asdict(options)
        return {
            "task": type(self).__name__,
            "columns": list(self.columns),
            "truncation": self.truncation,
            **own,
        }


@dataclass(frozen=True, slots=True)
class ClassifyJob(HeadJob):
    """Labels of texts.

    Args:
        locations: As for TableJob, and the fields up to `truncation`.
        pair_column: The column of the second text of each pair; None: single texts.
        options: As for a call of TextClassifier; with top_k above 1, or None, the scores of the
            best labels are written too.
    """

    pair_column: str | None = None
    options: ClassifyOptions = field(default_factory=ClassifyOptions)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """See HeadJob."""
        return () if self.pair_column is None else (self.pair_column,)

    @property
    def find_errors(self) -> FindErrors | None:
        """See TableJob; each pair has two texts."""
        column = self.pair_column
        if column is None:
            return None
        return lambda texts, kept: find_missing_texts(
            {column: convert_to_json_cells(kept[column])}, with_letters=False
        )

    def open(self) -> TextClassifier:
        """See TableJob."""
        return TextClassifier(self.model, truncation=self.truncation, **self.load.keywords())

    def start(self, opened: TextClassifier, line: ProgressLine | None = None) -> HeadJobCall:
        """See TableJob."""

        def read(rows: RowBatch, numbers: Sequence[int]) -> Texts:
            second: Any = None
            if self.pair_column is not None:
                second = list(convert_to_json_cells(rows.kept[self.pair_column]))
            return Texts(list(rows.texts), second, False, numbers)

        def write(logits: list[FloatArray]) -> Columns:
            decisions = [opened.decide(row, self.options) for row in logits]
            if opened.is_regression:
                return {"value": [_shorten(value) for value in decisions]}
            ranked = [
                [
                    {**item, "score": _shorten(item["score"])}
                    for item in opened.rank(row, self.options)
                ]
                for row in logits
            ]
            columns: Columns = {}
            if opened.is_multi_label:
                columns["labels"] = decisions
            else:
                columns["label"] = decisions
                scores = [opened.scores(row, self.options.function_to_apply) for row in logits]
                columns["score"] = [
                    _shorten(row.max() if label is None else row[opened.labels.index(label)])
                    for row, label in zip(scores, decisions, strict=True)
                ]
            if self.options.top_k != 1 or opened.is_multi_label:
                columns["scores"] = ranked
            return columns

        return HeadJobCall(opened.call(line), read, write, self.output_columns)

    def result_types(self) -> Mapping[str, CellType | None]:
        """See TableJob."""
        return {
            "label": "string",
            "score": "double",
            "labels": ["string"],
            "scores": LABEL_SCORES,
            "value": None,
        }


@dataclass(frozen=True, slots=True)
class TagJob(HeadJob):
    """Tags of texts: a column `entities` with a list of results for each text.

    Args:
        locations: As for TableJob, and the fields up to `truncation`.
        options: As for a call of TokenClassifier.
    """

    options: TagOptions = field(default_factory=TagOptions)

    def open(self) -> TokenClassifier:
        """See TableJob."""
        return TokenClassifier(self.model, **self.load.keywords())

    def start(self, opened: TokenClassifier, line: ProgressLine | None = None) -> HeadJobCall:
        """See TableJob."""

        def read(rows: RowBatch, numbers: Sequence[int]) -> Texts:
            return Texts(list(rows.texts), None, False, numbers)

        def write(answers: list[list[dict[str, Any]]]) -> Columns:
            keys = ("word", "start", "end")
            return {
                "entities": [
                    [
                        {
                            "entity": item.get("entity_group", item.get("entity")),
                            "score": _shorten(item["score"]),
                            **{key: item[key] for key in keys},
                        }
                        for item in items
                    ]
                    for items in answers
                ]
            }

        return HeadJobCall(opened.call(self.options, line), read, write, self.output_columns)

    def result_types(self) -> Mapping[str, CellType | None]:
        """See TableJob."""
        return {"entities": ENTITIES}


@dataclass(frozen=True, slots=True)
class AnswerJob(HeadJob):
    """Answers to questions.

    Args:
        locations: As for TableJob, and the fields up to `truncation`; `column` holds questions.
        context: The text with the answers to all questions; None: each row has its own.
        context_column: The column of each question's text, if `context` is None.
        options: As for a call of QuestionAnswerer; with top_k above 1 all answers are written too.
    """

    context: str | None = None
    context_column: str = "context"
    options: AnswerOptions = field(default_factory=AnswerOptions)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """See HeadJob."""
        return (self.context_column,) if self.context is None else ()

    @property
    def find_errors(self) -> FindErrors:
        """See TableJob; questions and contexts have letters."""

        def find(texts: Sequence[str], kept: KeptColumns) -> dict[int, RowError]:
            cells_of: dict[str, Iterable[object]] = {self.column or "text": texts}
            if self.context is None:
                cells_of[self.context_column] = convert_to_json_cells(kept[self.context_column])
            return find_missing_texts(cells_of, with_letters=True)

        return find

    def output_columns(self, rows: RowBatch) -> Columns:
        """See TableJob; without `keep` the questions."""
        kept = {name: rows.kept[name] for name in self.kept_columns}
        return kept if self.keep else {"question": list(rows.texts), **kept}

    def open(self) -> QuestionAnswerer:
        """See TableJob."""
        return QuestionAnswerer(self.model, **self.load.keywords())

    def start(self, opened: QuestionAnswerer, line: ProgressLine | None = None) -> HeadJobCall:
        """See TableJob."""

        def read(rows: RowBatch, numbers: Sequence[int]) -> Questions:
            contexts: Sequence[object] = [self.context] * len(rows.texts)
            if self.context is None:
                contexts = list(convert_to_json_cells(rows.kept[self.context_column]))
            pairs = [
                read_question({"question": question, "context": context}, number + 1)
                for question, context, number in zip(rows.texts, contexts, numbers, strict=True)
            ]
            return Questions([first for first, _ in pairs], [second for _, second in pairs])

        def write(answers: list[list[dict[str, Any]]]) -> Columns:
            answers = [
                [{**item, "score": _shorten(item["score"])} for item in items] for items in answers
            ]
            columns: Columns = {
                name: [items[0][name] for items in answers]
                for name in ("answer", "score", "start", "end")
            }
            if self.options.top_k > 1:
                columns["answers"] = answers
            return columns

        return HeadJobCall(opened.call(self.options, line), read, write, self.output_columns)

    def result_types(self) -> Mapping[str, CellType | None]:
        """See TableJob."""
        answer: dict[str, CellType] = {
            "score": "double",
            "start": "int64",
            "end": "int64",
            "answer": "string",
        }
        return {**answer, "answers": [answer]}

    def settings(self, opened: HeadTask) -> dict[str, JsonValue]:
        """See TableJob."""
        return {**HeadJob.settings(self, opened), "context": self.context}


@dataclass(frozen=True, slots=True)
class ChooseJob(HeadJob):
    """The best choice of each question.

    Args:
        locations: As for TableJob, and the fields up to `truncation`; `column` holds questions.
        choices: The choices of all questions; empty: each row has its own.
        choice_columns: The columns of each question's choices; one alone holds lists.
        context: A text that is read before all questions.
        context_column: The column of a text that is read before each question.
    """

    choices: tuple[str, ...] = ()
    choice_columns: tuple[str, ...] = ("choices",)
    context: str | None = None
    context_column: str | None = None

    @property
    def text_columns(self) -> tuple[str, ...]:
        """See HeadJob."""
        own = () if self.choices else self.choice_columns
        return own if self.context_column is None else (*own, self.context_column)

    @property
    def find_errors(self) -> FindErrors:
        """See TableJob; questions and choices have letters, and a context that is not null."""

        def find(texts: Sequence[str], kept: KeptColumns) -> dict[int, RowError]:
            cells_of: dict[str, Iterable[object]] = {self.column or "text": texts}
            if not self.choices and len(self.choice_columns) > 1:
                cells_of |= {
                    name: convert_to_json_cells(kept[name]) for name in self.choice_columns
                }
            if self.context_column is not None:
                contexts = convert_to_json_cells(kept[self.context_column])
                cells_of[self.context_column] = ("-" if c is None else c for c in contexts)
            errors = find_missing_texts(cells_of, with_letters=True)
            if not self.choices and len(self.choice_columns) == 1:
                (name,) = self.choice_columns
                errors = find_missing_choices(name, convert_to_json_cells(kept[name])) | errors
            return errors

        return find

    def output_columns(self, rows: RowBatch) -> Columns:
        """See TableJob; without `keep` the questions."""
        kept = {name: rows.kept[name] for name in self.kept_columns}
        return kept if self.keep else {"question": list(rows.texts), **kept}

    def open(self) -> MultipleChoice:
        """See TableJob."""
        return MultipleChoice(self.model, truncation=self.truncation, **self.load.keywords())

    def start(self, opened: MultipleChoice, line: ProgressLine | None = None) -> HeadJobCall:
        """See TableJob."""

        def read(rows: RowBatch, numbers: Sequence[int]) -> list[ChoiceQuestion]:
            choices = self._choices_of(rows)
            contexts: Sequence[object] = [self.context] * len(rows.texts)
            if self.context_column is not None:
                contexts = list(convert_to_json_cells(rows.kept[self.context_column]))
            return [
                read_choice_question(
                    {"question": question, "choices": own, "context": context}, number + 1
                )
                for question, own, context, number in zip(
                    rows.texts, choices, contexts, numbers, strict=True
                )
            ]

        def write(answers: list[dict[str, Any]]) -> Columns:
            return {
                "answer": [item["answer"] for item in answers],
                "index": [item["index"] for item in answers],
                "score": [_shorten(item["score"]) for item in answers],
                "scores": [[_shorten(score) for score in item["scores"]] for item in answers],
            }

        return HeadJobCall(opened.call(line), read, write, self.output_columns)

    def result_types(self) -> Mapping[str, CellType | None]:
        """See TableJob."""
        return {"answer": "string", "index": "int64", "score": "double", "scores": ["double"]}

    def settings(self, opened: HeadTask) -> dict[str, JsonValue]:
        """See TableJob."""
        own = HeadJob.settings(self, opened)
        return {**own, "choices": list(self.choices), "context": self.context}

    def _choices_of(self, rows: RowBatch) -> Iterator[object]:
        """The choices of each row; a list in one cell may be JSON."""
        if self.choices:
            return iter([self.choices] * len(rows.texts))
        if len(self.choice_columns) == 1:
            return map(read_choices, convert_to_json_cells(rows.kept[self.choice_columns[0]]))
        columns = [convert_to_json_cells(rows.kept[name]) for name in self.choice_columns]
        return zip(*columns, strict=True)


def _shorten(score: Any) -> Any:
    """The fewest digits that read back as the same float32; of several numbers each."""
    if isinstance(score, list):
        return [_shorten(number) for number in score]
    return float(str(np.float32(score)))
