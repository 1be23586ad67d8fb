"""The task and the columns are detected from names and contents."""

from __future__ import annotations

from typing import Any

import pytest

from albertkit.errors import InputError
from albertkit.finetuning.data.columns import Columns, find_columns
from albertkit.tables.readers.whole_table import WholeTable

TEXTS = ["the first long text", "a second long text", "one more long text", "the last long text"]


def table(**columns: list[Any]) -> WholeTable:
    return WholeTable("data.csv", columns, range(1, len(next(iter(columns.values()))) + 1))


def test_usual_names_are_known_in_any_case() -> None:
    columns = find_columns(table(Id=[1, 2, 3, 4], Text=TEXTS, Label=["a", "b", "a", "b"]))
    assert columns == Columns("classification", ("Text",), "Label")


def test_an_unusual_label_is_the_column_of_few_values() -> None:
    rows = table(
        number=["1", "2", "3", "4"] * 4,
        remark=[f"{text} {n}" for n in range(4) for text in TEXTS],
        kind=["x", "y", "y", "x"] * 4,
    )
    rows = WholeTable("t", {**rows.columns, "number": [str(n) for n in range(16)]}, rows.rows)
    assert find_columns(rows) == Columns("classification", ("remark",), "kind")


@pytest.mark.parametrize(
    "names", [("sentence1", "sentence2"), ("premise", "hypothesis"), ("question", "sentence")]
)
def test_pairs_have_two_columns(names: tuple[str, str]) -> None:
    columns = find_columns(table(**dict.fromkeys(names, TEXTS), label=["yes", "no"] * 2))
    assert columns.texts == names


def test_measured_numbers_are_a_regression_and_few_whole_numbers_are_classes() -> None:
    scores = table(text=TEXTS, score=["1.5", "2", "4.25", "0"])
    assert find_columns(scores).task == "regression"
    stars = table(text=TEXTS, stars=["1", "2", "5", "5"])
    assert find_columns(stars).task == "classification"


def test_lists_and_repeated_parts_are_several_labels() -> None:
    assert find_columns(table(text=TEXTS, labels=[["a"], ["a", "b"], [], ["b"]])).task == (
        "multi-label"
    )
    cells = ["a|b", "b", "a|c", "c", "a", "b|c", "a|b|c", "c|a"]
    columns = find_columns(table(text=TEXTS * 2, tags=cells))
    assert (columns.task, columns.separator) == ("multi-label", "|")


def test_a_comma_in_a_name_does_not_divide_it() -> None:
    cells = ["Food, Drink", "Sport", "Food, Drink", "Sport"]
    assert find_columns(table(text=TEXTS, label=cells)).task == "classification"


def test_structured_tasks() -> None:
    words = [["Ada", "slept"]] * 2
    tags = find_columns(table(tokens=words, ner_tags=[["B-PER", "O"]] * 2))
    assert tags == Columns("tagging", ("tokens",), "ner_tags")
    answers = find_columns(
        table(question=["who?"] * 2, context=["Ada slept"] * 2, answer=["Ada", "slept"])
    )
    assert answers == Columns("question-answering", ("question", "context"), "answer")
    choices = find_columns(
        table(question=["who?"] * 2, choices=[["Ada", "Bob"]] * 2, answer=["A", "B"])
    )
    assert choices == Columns("multiple-choice", ("question",), "answer", ("choices",))
    endings = find_columns(table(context=["x y"], ending0=["a"], ending1=["b"], label=["1"]))
    assert endings.choices == ("ending0", "ending1")


def test_named_columns_are_taken() -> None:
    rows = table(text=TEXTS, title=TEXTS, label=["a", "b"] * 2, other=["x", "x", "y", "z"])
    assert find_columns(rows, text=("title",), label="other") == Columns(
        "classification", ("title",), "other"
    )


def test_a_misspelt_column_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"Did you mean 'label'\?.*\[column-missing\]"):
        find_columns(table(text=TEXTS, label=["a", "b"] * 2), label="labl")


def test_what_cannot_be_seen_is_asked_for() -> None:
    rows = table(a=TEXTS * 3, b=["x", "y", "z"] * 4, c=["p", "q", "r"] * 4)
    with pytest.raises(InputError, match=r"b, c could all hold labels.*--label.*\[column-und"):
        find_columns(rows)
    with pytest.raises(InputError, match=r"no column holds texts.*--text.*\[column-undecided\]"):
        find_columns(table(a=["1", "2"], label=["x", "y"]))
    with pytest.raises(InputError, match=r"tagging needs.*\[column-undecided\]"):
        find_columns(table(text=TEXTS), task="tagging")
    with pytest.raises(InputError, match=r"3 text columns.*\[option-invalid\]"):
        find_columns(table(text=TEXTS), text=("a", "b", "c"))
