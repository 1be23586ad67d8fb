"""Rows → examples: what is left out, merged and refused, with row numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from albertkit.errors import FormatError, InputError
from albertkit.finetuning.data.columns import find_columns
from albertkit.finetuning.data.examples import Examples, LabelSet, make_examples
from albertkit.finetuning.data.structured import GoldAnswer, read_answer, to_bio
from albertkit.tables.readers.whole_table import WholeTable


def read(**columns: list[Any]) -> tuple[Examples, list[str]]:
    count = len(next(iter(columns.values())))
    table = WholeTable("data.csv", columns, range(1, count + 1))
    examples, diagnostics = make_examples(table, find_columns(table))
    return examples, [diagnostic.line() for diagnostic in diagnostics]


def test_rows_without_text_or_label_are_left_out_and_listed() -> None:
    examples, lines = read(
        text=["a b", " ", "c d", "e f"], label=["x", "y", None, "y"], other=["", "", "", ""]
    )
    assert examples.rows.tolist() == [1, 4]
    assert "rows 2, 3" in lines[0]
    assert lines[0].endswith("[examples-incomplete]")


def test_spellings_become_the_most_frequent_one() -> None:
    examples, lines = read(text=["a"] * 5, label=["Sport", "sport ", "Sport", "News", "SPORT"])
    assert examples.labels == ["Sport", "Sport", "Sport", "News", "Sport"]
    assert "'sport ', 'SPORT' (rows 2, 5) are taken as the label 'Sport'" in lines[0]
    assert lines[0].endswith("[labels-alike]")


def test_labels_of_several_types_are_counted_with_their_rows() -> None:
    labels = ["1", 1, "b", True, "1"]
    examples, lines = read(text=["a"] * 5, label=labels)
    assert len(examples.labels) == 5
    assert "3 of the type text (rows 1, 3, 5), 1 of the type number (row 2)" in lines[0]
    assert "1 of the type bool (row 4)" in lines[0]
    assert lines[0].endswith("[labels-mixed]")
    assert read(text=["a"] * 3, label=[1, 2.5, 3])[1] == []


def test_labels_are_sorted_numbers_by_their_size() -> None:
    examples, _ = read(text=["a b"] * 4, label=["10", "9", "1", "1"])
    labels = LabelSet.of(examples)
    assert labels.names == ("1", "9", "10")
    assert labels.ids(examples).tolist() == [2, 1, 0, 0]
    assert labels.one_hot(examples).tolist()[0] == [0, 0, 1]


def test_several_labels_and_numbers() -> None:
    examples, _ = read(text=["a b"] * 3, label=[["x", "y"], ["y"], ["z"]])
    assert LabelSet.of(examples).one_hot(examples).tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    examples, _ = read(text=["a b"] * 3, label=["1.5", 2, -0.5])
    np.testing.assert_array_equal(examples.labels, [1.5, 2, -0.5])


def test_a_label_of_another_kind_names_its_row() -> None:
    columns = {"text": ["a b"] * 3, "score": ["1.5", "2.5", "good"]}
    table = WholeTable("data.csv", columns, range(1, 4))
    chosen = find_columns(table, task="regression")
    with pytest.raises(FormatError, match=r"data.csv: row 3: .*'good'.*\[label-invalid\]"):
        make_examples(table, chosen)
    with pytest.raises(FormatError, match=r"row 1: there are 1 tags for 2 words.*\[label-inv"):
        read(tokens=[["a", "b"]], tags=[["O"]])
    with pytest.raises(FormatError, match=r"row 1: tag 2 is None, no name.*\[label-inv"):
        read(tokens=[["a", "b"]], tags=[["O", None]])
    with pytest.raises(FormatError, match=r"row 1: the answer is 'E'.*\[label-invalid\]"):
        read(question=["who?"], choices=[["Ada", "Bob"]], answer=["E"])


def test_a_table_without_a_whole_row_is_refused() -> None:
    with pytest.raises(InputError, match=r"no row has a text and a label.*\[texts-missing\]"):
        read(text=["a b", ""], label=["", "x"])


@pytest.mark.parametrize(
    ("tags", "bio"),
    [
        ("I-PER I-PER O I-PER", "B-PER I-PER O B-PER"),  # IOB1
        ("B-PER E-PER S-ORG O", "B-PER I-PER B-ORG O"),  # BIOES
        ("B-PER L-PER U-ORG O", "B-PER I-PER B-ORG O"),  # BILOU
        ("NOUN VERB O DET", "NOUN VERB O DET"),  # no scheme
    ],
)
def test_tags_of_all_schemes_become_bio(tags: str, bio: str) -> None:
    assert to_bio(tags.split()) == bio.split()


def test_answers_are_read_in_all_forms() -> None:
    context = "the cat, the hat"
    assert read_answer("the hat", context) == GoldAnswer(("the hat",), 9)
    assert read_answer({"text": ["the"], "answer_start": [9]}, context) == GoldAnswer(("the",), 9)
    assert read_answer("the", context, 9) == GoldAnswer(("the",), 9)
    assert read_answer({"text": [], "answer_start": []}, context) == GoldAnswer(())
    assert read_answer("", context) == GoldAnswer(())
    assert read_answer("dog", context).is_missing
    for start in (None, "four", float("nan"), 10**400):  # then the answer is searched
        answer = read_answer({"text": ["the hat"], "answer_start": [start]}, context)
        assert answer == read_answer("the hat", context, start) == GoldAnswer(("the hat",), 9)


def test_words_and_tags_of_csv_have_spaces_between_them() -> None:
    table = WholeTable("data.csv", {"tokens": ["in Rome"], "tags": ["O B-LOC"]}, range(1, 2))
    examples, _ = make_examples(table, find_columns(table, task="tagging"))
    assert (examples.words, examples.labels) == ([["in", "Rome"]], [("O", "B-LOC")])


def test_rows_without_choices_are_left_out() -> None:
    examples, lines = read(question=["q1", "q2"], choices=[["a", "b"], None], answer=["A", "B"])
    assert (examples.first, examples.labels) == (["q1"], [0])
    assert "row 2;" in lines[0]


def test_the_right_choice_by_letter_number_text_or_name() -> None:
    for answer in ("B", "1", 1, "Bob", 1.0):
        examples, _ = read(question=["who?"], choices=[["Ada", "Bob"]], answer=[answer])
        assert examples.labels == [1]
    examples, _ = read(
        question=["who?"],
        choices=[["Ada", "Bob"]],
        choice_labels=[["1", "2"]],
        answer=["1"],
    )
    assert examples.labels == [0]


def test_taking_examples_takes_all_their_parts() -> None:
    examples, _ = read(question=["q1", "q2"], choices=[["a", "b"], ["c", "d"]], answer=["A", "B"])
    taken = examples.take([1])
    assert (taken.first, taken.choices, taken.labels) == (["q2"], [["c", "d"]], [1])
    assert taken.texts() == ["q2 c d"]
