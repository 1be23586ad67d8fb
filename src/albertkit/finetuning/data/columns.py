"""Find the task, the text columns and the label column of a table, by names and by contents.

Input: a table. Output: Columns, or an error that names the flag to give. Whatever the user names is
taken, and only the rest is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice
from albertkit.errors.exceptions import find_nearest_name, list_names
from albertkit.tables import WholeTable

Task: TypeAlias = Literal[
    "classification",
    "multi-label",
    "regression",
    "tagging",
    "question-answering",
    "multiple-choice",
]
TASKS = get_args(Task)

# Names in public data sets, the most telling first.
LABEL_NAMES = (
    *("label", "labels", "class", "category", "target", "gold_label", "sentiment", "score"),
    *("tags", "ner_tags", "ner", "tag", "answer", "answers", "intent", "topic", "rating", "stars"),
    *("emotion", "polarity", "similarity", "similarity_score", "y", "output"),
    *("quality", "is_duplicate"),  # MRPC, QQP
)
PAIR_COLUMNS = (
    *(("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2")),
    *(("text_a", "text_b"), ("text1", "text2"), ("sentence_a", "sentence_b"), ("query", "passage")),
    *(("question", "sentence"), ("#1 string", "#2 string")),
)
TEXT_NAMES = (
    *("text", "sentence", "content", "body", "review", "message", "comment", "tweet", "document"),
    *("utterance", "description", "article", "abstract", "question", "query", "title", "input"),
)
CONTEXT_NAMES = ("context", "passage", "paragraph", "article", "sent1")
QUESTION_NAMES = ("question", "sent2", "ctx")  # SWAG and HellaSwag: the beginning of a sentence
CHOICE_NAMES = ("choices", "options", "endings", "answers")
ANSWER_NAMES = ("answer", "label", "correct", "answer_index", "answers", "answerkey")
WORD_NAMES = ("tokens", "words")
TAG_NAMES = ("tags", "ner_tags", "ner", "labels", "label")
SEPARATORS = ("|", ";", ",")
CLASSES_OF_NUMBERS = 20  # numbers of more values than this are measurements
MOST_WORDS_OF_LABEL = 8


@dataclass(frozen=True, slots=True)
class Columns:
    """What each column of a table is for.

    Attributes:
        task: What is learned.
        texts: One column, or two of pairs; for question answering the question and the context;
            for multiple choice the columns before the choices, if any.
        label: The column of labels, tags, scores or answers.
        choices: The column of choices, or one column for each; for multiple choice only.
        separator: Between the labels of a cell; for multi-label only. None: cells are lists.
    """

    task: Task
    texts: tuple[str, ...]
    label: str
    choices: tuple[str, ...] = ()
    separator: str | None = None

    def rows(self) -> list[tuple[str, str, str]]:
        """What, its value and the flag that overrides it: the three lines that users see."""
        texts = " + ".join((*self.texts, *self.choices))
        return [
            ("task", self.task, "--task"),
            ("text", texts, "--text (twice for pairs)"),
            ("label", self.label, "--label"),
        ]


def find_columns(
    table: WholeTable,
    *,
    task: Task | None = None,
    text: Sequence[str] = (),
    label: str | None = None,
) -> Columns:
    """Find what each column is for.

    Args:
        table: Its rows.
        task: What is learned, if the user says so.
        text: The text columns, if the user names them.
        label: The label column, if the user names it.

    Raises:
        InputError: [option-invalid] for an unknown task or more than two text columns;
            [column-missing] for a name that the table lacks; [column-undecided] if a column
            cannot be found.
    """
    check_choice("task", task, (*TASKS, None))
    if len(text) > 2:
        raise InputError(
            "option-invalid",
            f"{len(text)} text columns are named",
            why="ALBERT reads one text or a pair",
            fix="Name one or two",
        )
    for name in (*text, *([label] if label else [])):
        check_column(table, name)
    special = _find_special(table, task, tuple(text), label)
    if special is not None:
        return special
    label = label or _find_label(table, text)
    texts = tuple(text) or _find_texts(table, label)
    cells = [cell for cell in table.columns[label] if not is_empty(cell)]
    separator = _find_separator(cells)
    return Columns(
        task or _infer_task(cells, separator),
        texts,
        label,
        separator=separator if (task or "multi-label") == "multi-label" else None,
    )


def check_column(table: WholeTable, name: str) -> None:
    """Raise InputError [column-missing] if the table has no column of this name."""
    if name in table.columns:
        return
    near = find_nearest_name(name, table.columns, cutoff=0.5)
    raise InputError(
        "column-missing",
        f"there is no column {name!r}",
        why=f"the columns are {', '.join(table.columns)}",
        fix=f"Did you mean {near!r}?" if near else "Name one of them",
        where=table.name,
    )


def is_empty(cell: object) -> bool:
    """Whether a cell holds nothing: None, NaN, no item, or white space."""
    if isinstance(cell, str):
        return not cell.strip()
    if isinstance(cell, list | tuple):
        return not cell
    return cell is None or cell != cell  # noqa: PLR0124  # NaN, the only value unlike itself


def parse_number(cell: object) -> float | None:
    """The number of a cell; None if it is none."""
    if isinstance(cell, bool):
        return None
    try:
        return float(cell)  # type: ignore[arg-type]  # other types raise TypeError
    except (TypeError, ValueError, OverflowError):  # a whole number of 400 digits overflows
        return None


def _find_special(
    table: WholeTable, task: Task | None, text: tuple[str, ...], label: str | None
) -> Columns | None:
    """The columns of tags, answers in a context, or choices; None for all other tasks."""
    words = text[0] if text else _find_named(table, WORD_NAMES)
    tags = label or _find_named(table, TAG_NAMES)
    if task in ("tagging", None) and words and tags and words != tags:  # noqa: SIM102
        if task or all(_are_lists(table.columns[name]) for name in (words, tags)):
            return Columns("tagging", (words,), tags)
    context = _find_named(table, CONTEXT_NAMES)
    question = text[0] if text else _find_named(table, QUESTION_NAMES)
    choices = _find_choices(table, label)
    answer = label or _find_named(table, ANSWER_NAMES)
    if task in ("multiple-choice", None) and choices and answer and answer not in choices:
        texts = text or tuple(name for name in (context, question) if name)
        return Columns("multiple-choice", texts, answer, choices)
    answers = label or _find_named(table, ("answers", "answer"))
    if task in ("question-answering", None) and context and question and answers:  # noqa: SIM102
        if task or _contains_answers(table, context, answers):
            return Columns(
                "question-answering", (question, text[1] if text[1:] else context), answers
            )
    if task in ("tagging", "question-answering", "multiple-choice"):
        needs = {
            "tagging": "a list of words and a list of tags in each row",
            "question-answering": "columns question, context and answer",
            "multiple-choice": "a list of choices (or one column for each) and the right answer",
        }
        raise _undecided_error(
            table, "columns", f"{task} needs {needs[task]}", "--text and --label"
        )
    return None


def _find_named(table: WholeTable, names: Iterable[str]) -> str | None:
    """The table's column that has one of these names; the first name goes first."""
    by_lower = {name.lower().strip(): name for name in reversed(list(table.columns))}
    return next((by_lower[name] for name in names if name in by_lower), None)


def _are_lists(cells: Sequence[object]) -> bool:
    head = [cell for cell in cells[:100] if cell is not None]
    return bool(head) and all(isinstance(cell, list | tuple) for cell in head)


def _find_choices(table: WholeTable, label: str | None) -> tuple[str, ...]:
    """One column of lists, or columns like A, B, C, D, ending0, ending1, choice_a, choice_b."""
    name = _find_named(table, [name for name in CHOICE_NAMES if name != label])
    cells = [] if name is None else table.columns[name][:20]
    if name and _are_lists(cells) and all(isinstance(x, str) for cell in cells for x in cell or ()):
        return (name,)
    for pattern in (r"ending\d+", r"(?:choice|option|answer)_?[a-e1-5]", r"[a-e]", r"sol\d"):
        names = tuple(n for n in table.columns if re.fullmatch(pattern, n.lower().strip()))
        if len(names) > 1:
            return names
    return ()


def _contains_answers(table: WholeTable, context: str, answers: str) -> bool:
    """Whether the answers are parts of their contexts, in most of the first rows."""
    rows = list(zip(table.columns[context][:50], table.columns[answers][:50], strict=True))
    hits = sum(
        isinstance(answer, dict) or (isinstance(answer, str) and answer in str(text))
        for text, answer in rows
    )
    return hits > len(rows) / 2


def _find_label(table: WholeTable, text: Sequence[str]) -> str:
    names = [name for name in LABEL_NAMES if name not in text]
    name = _find_named(table, names)
    if name is not None:
        return name
    size = len(table)
    candidates = []
    for column, cells in table.columns.items():
        values = {str(cell).strip() for cell in cells if not is_empty(cell)}
        is_short = all(len(value.split()) <= MOST_WORDS_OF_LABEL for value in values)
        if column not in text and 1 < len(values) <= max(2, size // 4) and is_short:
            candidates.append((len(values), column))
    if len(candidates) == 1:
        return candidates[0][1]
    why = "no column has a name such as label, or few different values"
    if candidates:
        why = f"{list_names([name for _, name in sorted(candidates)])} could all hold labels"
    raise _undecided_error(table, "label column", why, "--label")


def _find_texts(table: WholeTable, label: str) -> tuple[str, ...]:
    by_lower = {name.lower().strip(): name for name in table.columns if name != label}
    for first, second in PAIR_COLUMNS:
        if first in by_lower and second in by_lower:
            return by_lower[first], by_lower[second]
    named = [by_lower[name] for name in TEXT_NAMES if name in by_lower]
    for name in named:
        if _measure_length(table.columns[name]) > 0:
            return (name,)
    lengths = {name: _measure_length(table.columns[name]) for name in by_lower.values()}
    longest = max(lengths, key=lengths.__getitem__, default=None)
    if longest is None or lengths[longest] == 0:
        raise _undecided_error(table, "text column", "no column holds texts", "--text")
    return (longest,)


def _measure_length(cells: Sequence[object]) -> float:
    """The mean characters of the first cells; 0 for numbers, and for other values than texts."""
    head = [cell for cell in cells[:1000] if not is_empty(cell)]
    texts = [cell for cell in head if isinstance(cell, str) and parse_number(cell) is None]
    return sum(map(len, texts)) / len(head) if len(texts) > len(head) / 2 else 0.0


def _infer_task(cells: Sequence[Any], separator: str | None) -> Task:
    if separator is not None or any(isinstance(cell, list | tuple) for cell in cells[:100]):
        return "multi-label"
    numbers = [parse_number(cell) for cell in cells]
    known = {number for number in numbers if number is not None}
    if cells and len(known) > 1 and None not in numbers:
        is_whole = all(number.is_integer() for number in known)
        return "classification" if is_whole and len(known) <= CLASSES_OF_NUMBERS else "regression"
    return "classification"


def _find_separator(cells: Sequence[object]) -> str | None:
    """The character between labels of one cell: its parts come again in other cells."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    whole = {text.strip() for text in texts}
    for separator in SEPARATORS:
        split = [text for text in texts if separator in text]
        parts = {part.strip() for text in texts for part in text.split(separator)}
        if len(split) >= max(2, len(texts) / 20) and len(parts) <= len(whole) / 2:
            return separator
    return None


def _undecided_error(table: WholeTable, what: str, why: str, flag: str) -> InputError:
    return InputError(
        "column-undecided",
        f"the {what} cannot be detected",
        why=f"{why}; the columns are {', '.join(table.columns)}",
        fix=f"Give {flag}",
        where=table.name,
    )
