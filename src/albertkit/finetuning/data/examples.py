"""The rows of a table as examples of one task: texts, labels and row numbers.

Rows without a text or a label are left out, and counted. Spellings of one label that differ in case
or spaces become the most frequent one. Both are reported as diagnostics, with row numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Float64Array, Int64Array
from albertkit.errors import Diagnostic, FormatError, InputError
from albertkit.errors.exceptions import count_noun
from albertkit.finetuning.data.columns import Columns, Task, is_empty, parse_number
from albertkit.finetuning.data.structured import read_answer, read_choices, read_tags, read_words
from albertkit.tables import WholeTable

LARGEST_NUMBER = 1e30  # of a regression, whose squares are computed too
ROWS_SHOWN = 10
# bool is an int too, so it comes first; numpy's numbers come from frames
TYPE_NAMES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("bool", (bool, np.bool_)),
    ("number", (int, float, np.number)),
    ("text", (str,)),
    ("list", (list, tuple, np.ndarray)),
)


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """N examples of one task.

    Attributes:
        task: What is learned.
        first: [N] texts; the first text of each pair; words joined by spaces for tagging; the
            question, if any, for question answering and multiple choice.
        second: [N] second texts, or contexts; None for single texts.
        labels: [N]: a str for classification, a tuple of str for multi-label, a float for
            regression, a tuple of tags for tagging, a GoldAnswer for question answering, the number
            of the right choice for multiple choice.
        rows: [N] row numbers in the file, from 1.
        name: Of the file.
        words: [N] lists of words; for tagging.
        choices: [N] lists of choices; for multiple choice.
    """

    task: Task
    first: list[str]
    second: list[str] | None
    labels: list[Any]
    rows: Int64Array
    name: str
    words: list[list[str]] | None = None
    choices: list[list[str]] | None = None

    def __len__(self) -> int:
        return len(self.first)

    def take(self, numbers: npt.ArrayLike) -> Examples:
        """The examples of these numbers, counted from 0."""
        order = np.asarray(numbers, np.int64).tolist()

        def pick(cells: list[Any] | None) -> list[Any] | None:
            return None if cells is None else [cells[n] for n in order]

        return replace(
            self,
            first=[self.first[n] for n in order],
            second=pick(self.second),
            labels=[self.labels[n] for n in order],
            rows=self.rows[order],
            words=pick(self.words),
            choices=pick(self.choices),
        )

    def texts(self) -> list[str]:
        """All that is read of each example, in one string: for comparing examples."""
        parts = [self.first, self.second or [""] * len(self)]
        if self.choices is not None:
            parts.append([" ".join(choices) for choices in self.choices])
        return [" ".join(filter(None, row)) for row in zip(*parts, strict=True)]


def list_rows(rows: Sequence[int] | Int64Array) -> str:
    """Row numbers for a message: "row 3", or "rows 3, 5 … (27 in all)"."""
    shown = ", ".join(str(int(row)) for row in rows[:ROWS_SHOWN])
    if len(rows) <= ROWS_SHOWN:
        return f"{'row' if len(rows) == 1 else 'rows'} {shown}"
    return f"rows {shown} … ({len(rows):,} in all)"


def make_examples(
    table: WholeTable, columns: Columns, *, skip_invalid: bool = False
) -> tuple[Examples, list[Diagnostic]]:
    """Read the examples of a table.

    Args:
        table: Its rows.
        columns: What each column is for.
        skip_invalid: Whether rows with an invalid label, or with an answer that is not in its
            context, are left out and reported.

    Returns:
        The examples, and what was left out or changed.

    Raises:
        InputError: [texts-missing] if no row has a text and a label.
        FormatError: [label-invalid] for a label that the task cannot have, with its row.
    """
    needed = [*columns.texts, columns.label]
    if len(columns.choices) == 1:  # of several columns, some may be empty
        needed += columns.choices
    cells = {name: table.columns[name] for name in needed}
    choices = [table.columns[name] for name in columns.choices]
    answers = zip(*choices, strict=True) if len(choices) > 1 else (choices or [[]])[0]
    choice_cells = list(answers) if choices else None
    is_missing = np.array(
        [any(map(is_empty, row)) for row in zip(*cells.values(), strict=True)], np.bool_
    )
    if columns.task == "question-answering":  # an empty answer means that there is none
        is_missing = np.array(
            [any(map(is_empty, r)) for r in zip(*(cells[n] for n in columns.texts), strict=True)]
        )
    kept = np.flatnonzero(~is_missing).tolist()
    rows = np.asarray(table.rows, np.int64)
    diagnostics = []
    if is_missing.any():
        diagnostics.append(_warn_of_missing(rows[is_missing], table.name))
    if not kept:
        raise InputError(
            "texts-missing",
            "no row has a text and a label",
            why=f"text is {' + '.join(columns.texts)}, label is {columns.label}",
            fix="Give --text and --label",
            where=table.name,
        )
    texts = [[_format_cell(cells[name][n]) for n in kept] for name in columns.texts]
    examples = Examples(
        columns.task,
        texts[0] if texts else [""] * len(kept),
        texts[1] if len(texts) > 1 else None,
        [],
        rows[kept],
        table.name,
        words=[read_words(cells[columns.texts[0]][n]) for n in kept]
        if columns.task == "tagging"
        else None,
        choices=None if choice_cells is None else [read_choices(choice_cells[n]) for n in kept],
    )
    labels: list[Any] = []
    valid: list[int] = []
    for number, n in enumerate(kept):
        try:
            label = _read_label(table, columns, examples, n, number)
        except ValueError as error:
            if not skip_invalid:
                raise _invalid_label_error(str(error), int(rows[n]), table.name) from error
            label = None
        if label is not None and not (skip_invalid and getattr(label, "is_missing", False)):
            valid.append(number)
        labels.append(label)
    if not valid:
        raise _invalid_label_error("no row has a valid label", int(rows[kept[0]]), table.name)
    examples = replace(examples, labels=labels)
    if len(valid) < len(kept):
        diagnostics.append(_warn_of_invalid(np.delete(examples.rows, valid), columns, table.name))
        examples = examples.take(valid)
    if columns.task in ("classification", "multi-label"):
        values = [cells[columns.label][kept[number]] for number in valid]
        diagnostics += _find_mixed_types(values, examples)
        examples, merged = _merge_spellings(examples)
        diagnostics += merged
    return examples, diagnostics


def _format_cell(cell: object) -> str:
    if isinstance(cell, list | tuple):
        return " ".join(map(str, cell))
    return str(cell)


def _read_label(  # noqa: PLR0911  # one for each task
    table: WholeTable, columns: Columns, examples: Examples, n: int, number: int
) -> object:
    """The label of row n, which is example `number`; a ValueError says what is wrong."""
    cell = table.columns[columns.label][n]
    match columns.task:
        case "classification":
            return _name_class(cell)
        case "multi-label":
            if isinstance(cell, list | tuple):
                return tuple(_name_class(item) for item in cell)
            parts = str(cell).split(columns.separator) if columns.separator else [cell]
            return tuple(_name_class(part) for part in parts if not is_empty(part))
        case "regression":
            value = parse_number(cell)
            if value is None or not np.isfinite(value):
                raise ValueError(f"the label is {cell!r}, which is not a number")
            if abs(value) > LARGEST_NUMBER:
                raise ValueError(f"the label is {cell!r}, which is too large to be learned")
            return value
        case "tagging":
            return read_tags(cell, (examples.words or [])[number])
        case "question-answering":
            start = table.columns["answer_start"][n] if "answer_start" in table.columns else None
            return read_answer(cell, (examples.second or [])[number], start)
        case "multiple-choice":
            names = table.columns.get("choice_labels")
            own = [str(name) for name in names[n] or ()] if names is not None else []
            return _find_right_choice(cell, (examples.choices or [])[number], own)


def _name_class(cell: object) -> str:
    """The name of a class; 1.0, as pandas writes whole numbers in a column with gaps, is 1."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _find_right_choice(cell: object, choices: Sequence[str], names: Sequence[str]) -> int:
    """The number of the right choice: by its own name, its text, its letter, or its number."""
    text = str(cell).strip()
    if text in names:
        return names.index(text)
    if text in choices:
        return choices.index(text)
    letter = "ABCDEFGH".find(text.upper()) if len(text) == 1 else -1
    if 0 <= letter < len(choices):
        return letter
    value = parse_number(cell)
    if value is not None and value.is_integer() and 0 <= value < len(choices):
        return int(value)
    raise ValueError(
        f"the answer is {cell!r}, which is none of the {len(choices)} choices: their texts, letters"
        f" from A or numbers from 0"
    )


def _find_mixed_types(values: Sequence[object], examples: Examples) -> list[Diagnostic]:
    """A warning for labels of several types: of values, or in CSV of what cells hold."""
    are_cells = all(isinstance(value, str) for value in values)
    rows_of: dict[str, list[int]] = {}
    for value, row in zip(values, examples.rows.tolist(), strict=True):
        kind = next((name for name, types in TYPE_NAMES if isinstance(value, types)), "other")
        if are_cells and parse_number(value) is not None:
            kind = "number"
        rows_of.setdefault(kind, []).append(row)
    if len(rows_of) < 2:
        return []
    counts = [
        f"{len(rows):,} of the type {kind} ({list_rows(rows)})"
        for kind, rows in sorted(rows_of.items(), key=lambda item: -len(item[1]))
    ]
    return [
        Diagnostic(
            "labels-mixed",
            "warning",
            f"labels have several types: {', '.join(counts)}",
            why="each number is taken as the name of a label"
            if are_cells
            else '1 and "1" become one label, and a list gives each of its names',
            fix="Write all labels in one form",
            where=examples.name,
        )
    ]


def _merge_spellings(examples: Examples) -> tuple[Examples, list[Diagnostic]]:
    """Spellings that differ in case and spaces only become the most frequent one."""
    is_multi = examples.task == "multi-label"
    names = [name for label in examples.labels for name in (label if is_multi else [label])]
    spellings: dict[str, Counter[str]] = {}
    for name in names:
        spellings.setdefault(" ".join(name.casefold().split()), Counter())[name] += 1
    usual = {name: max(c, key=c.__getitem__).strip() for c in spellings.values() for name in c}
    diagnostics = []
    for counts in spellings.values():
        if len(counts) > 1:
            kept = usual[next(iter(counts))]
            others = [name for name in counts if name != kept]
            where = [
                int(row)
                for row, label in zip(examples.rows, examples.labels, strict=True)
                if any(name in others for name in (label if is_multi else [label]))
            ]
            diagnostics.append(_warn_of_alike(kept, others, where, examples.name))
    labels: list[Any] = [
        tuple(dict.fromkeys(usual[name] for name in label)) if is_multi else usual[label]
        for label in examples.labels
    ]
    return replace(examples, labels=labels), diagnostics


def _warn_of_alike(kept: str, others: Sequence[str], rows: Sequence[int], name: str) -> Diagnostic:
    return Diagnostic(
        "labels-alike",
        "warning",
        f"{', '.join(map(repr, others))} ({list_rows(rows)}) "
        f"{'is' if len(others) == 1 else 'are'} taken as the label {kept!r}",
        why="they differ only in case or spaces",
        fix="Give them different names if they are different labels",
        where=name,
    )


def _warn_of_missing(rows: Int64Array, name: str) -> Diagnostic:
    return Diagnostic(
        "examples-incomplete",
        "warning",
        f"{count_noun(len(rows), 'row')} left out: {list_rows(rows)}",
        why="an example needs a text and a label",
        fix="Fill the cells, or remove the rows",
        where=name,
    )


def _warn_of_invalid(rows: Int64Array, columns: Columns, name: str) -> Diagnostic:
    return Diagnostic(
        "label-invalid",
        "warning",
        f"{count_noun(len(rows), 'row')} left out: {list_rows(rows)}",
        why="an answer is a part of its context, letter for letter"
        if columns.task == "question-answering"
        else f"their cells in {columns.label!r} are no labels for {columns.task}",
        fix="Correct them",
        where=name,
    )


def _invalid_label_error(what: str, row: int, name: str) -> FormatError:
    return FormatError(
        "label-invalid",
        f"row {row}: {what}",
        why="each row needs a label of the task's kind",
        fix="Correct the row, leave such rows out with --skip-invalid, or give another --task or"
        " --label",
        where=name,
    )


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The labels of a task and their numbers.

    Attributes:
        task: What is learned.
        names: The C names; one for regression.
    """

    task: Task
    names: tuple[str, ...]

    @classmethod
    def of(cls, examples: Examples) -> LabelSet:
        """The labels of examples: numbers in their order, names in that of the alphabet."""
        if examples.task == "regression":
            return cls("regression", ("score",))
        if examples.task in ("question-answering", "multiple-choice"):
            return cls(examples.task, ())
        is_one = examples.task == "classification"
        names = {n for label in examples.labels for n in ([label] if is_one else label)}
        return cls(examples.task, tuple(sorted(names, key=_make_sort_key)))

    def one_hot(self, examples: Examples) -> Float64Array:
        """The labels as an array [N, C]; unknown labels give zeros."""
        if self.task == "regression":
            return np.array(examples.labels, np.float64)[:, None]
        numbers = self.numbers
        targets = np.zeros((len(examples), len(self.names)))
        for row, label in zip(targets, examples.labels, strict=True):
            for name in [label] if self.task == "classification" else label:
                if name in numbers:
                    row[numbers[name]] = 1
        return targets

    def ids(self, examples: Examples) -> Int64Array:
        """The numbers of the labels [N], for classification; -1 for unknown ones."""
        numbers = self.numbers
        return np.array([numbers.get(label, -1) for label in examples.labels], np.int64)

    @property
    def numbers(self) -> Mapping[str, int]:
        """Name → number."""
        return {name: number for number, name in enumerate(self.names)}


def _make_sort_key(name: str) -> tuple[float, str]:
    number = parse_number(name)
    return (float("inf") if number is None else number, name)
