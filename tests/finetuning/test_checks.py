"""Each check gives its diagnostic with row numbers, and nothing for good data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.support.tiny_models import PIECES

from albertkit.errors import Diagnostic
from albertkit.finetuning import FinetuneOptions, FinetuneSession
from albertkit.finetuning.data.checks import CheckedData, check_data, check_tags, find_suspects
from albertkit.finetuning.data.examples import Examples
from albertkit.finetuning.data.structured import GoldAnswer
from albertkit.tokenization import AlbertTokenizer

RNG = np.random.default_rng(0)
WORDS = "the small grey cat saw two birds and ran over a wall near our old house".split()  # noqa: SIM905


def sentences(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, 12)) for _ in range(count)]


def examples(
    texts: list[str], labels: list[Any], task: Any = "classification", name: str = "t.csv"
) -> Examples:
    return Examples(task, texts, None, labels, np.arange(1, len(texts) + 1), name)


def shuffle_labels(count: int) -> list[str]:
    return np.random.default_rng(1).permutation(["a", "b"] * (count // 2)).tolist()


def check(train: Examples, **others: Any) -> dict[str, Diagnostic]:
    return {each.code: each for each in check_data(CheckedData(train, **others))}


def test_good_data_have_no_diagnostics() -> None:
    tokenizer = AlbertTokenizer.from_pretrained(PIECES)
    train = examples(sentences(240), shuffle_labels(240))
    vectors = RNG.normal(size=(240, 16)).astype(np.float32)
    assert check(train, vectors=vectors, tokenizer=tokenizer) == {}


def test_few_rows_and_rare_labels() -> None:
    result = check(examples(sentences(40), shuffle_labels(40)))
    assert (result["rows-few"].severity, result["label-rare"].severity) == ("error", "warning")
    labels = ["a"] * 1100 + ["b"] * 60
    result = check(examples(sentences(1160), labels))
    assert "'a' has 1,100 rows, 'b' has 60" in result["labels-imbalanced"].what
    assert "label-rare" not in result


def test_errors_come_first() -> None:
    severities = [each.severity for each in check(examples(["a b"] * 4, list("aabb"))).values()]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_labels_of_one_side() -> None:
    train = examples(sentences(4), ["a", "a", "b", "c"])
    valid = examples(sentences(3, 7), ["a", "b", "d"], name="v.csv")
    diagnostics = [
        diagnostic
        for diagnostic in check_data(CheckedData(train, valid))
        if diagnostic.code == "label-one-sided"
    ]
    assert [(d.severity, d.where, "'d'" in d.what) for d in diagnostics] == [
        ("error", "v.csv", True),
        ("warning", "t.csv", False),
    ]


def test_equal_texts() -> None:
    texts = [*sentences(4), "Same  text", "same text"]
    result = check(examples(texts, ["a", "b", "a", "b", "a", "b"]))
    assert "rows 5, 6" in result["labels-contradict"].what
    assert "row 6" in result["rows-duplicate"].what


def test_near_duplicates_and_rows_across_a_split() -> None:
    vectors = RNG.normal(size=(6, 16)).astype(np.float32)
    vectors[4] = vectors[1] + 0.01
    train = examples(sentences(6), list("ababab"))
    near = check(train, vectors=vectors)["rows-near-duplicate"].what
    assert near == "1 pair of nearly equal texts: rows 2 and 5"
    valid = examples([train.first[0].upper(), *sentences(2, 9)], list("aba"), name="v.csv")
    valid_vectors = RNG.normal(size=(3, 16)).astype(np.float32)
    valid_vectors[2] = vectors[3] * 2
    data = CheckedData(train, valid, vectors, valid_vectors)
    diagnostics = [d for d in check_data(data) if d.code == "rows-across-split"]
    assert [d.severity for d in diagnostics] == ["error", "warning"]
    assert ("row 1" in diagnostics[0].what, "row 3" in diagnostics[1].what) == (True, True)


def test_a_word_and_a_column_that_predict_the_label() -> None:
    labels = shuffle_labels(100)
    texts = [
        f"{text} {'unsubscribe' if label == 'a' else ''}"
        for text, label in zip(sentences(100), labels, strict=True)
    ]
    columns = {
        "source": [f"from {label}" for label in labels],
        "id": [str(n) for n in range(100)],
        "day": [str(n % 7) for n in range(100)],
    }
    diagnostics = [
        d.what
        for d in check_data(CheckedData(examples(texts, labels), other_columns=columns))
        if d.code == "label-leaked"
    ]
    assert ["'source'" in diagnostics[1], "'unsubscribe' is in 100%" in diagnostics[0]] == [
        True,
        True,
    ]
    assert len(diagnostics) == 2


def test_sorted_rows() -> None:
    assert "rows-sorted" in check(examples(sentences(120), ["a"] * 60 + ["b"] * 60))
    assert "rows-sorted" not in check(examples(sentences(120), shuffle_labels(120)))


def test_truncated_and_unknown_texts_and_lengths() -> None:
    tokenizer = AlbertTokenizer.from_pretrained(PIECES)
    labels = ["a", "b"] * 15
    texts = [
        "中文 " * 20 if n in (3, 5, 7) else "the cat" if n % 2 else "the cat ran " * 8
        for n in range(30)
    ]
    result = check(examples(texts, labels), tokenizer=tokenizer, max_length=24)
    assert result["text-truncated"].severity == "warning"
    assert "rows 4, 6, 8" in result["text-unknown"].what
    assert "'a'" in result["lengths-by-label"].what


def test_answers_and_tags() -> None:
    answers = [GoldAnswer(("cat",), 4), GoldAnswer(("dog",)), GoldAnswer(())]
    train = Examples(
        "question-answering", ["who?"] * 3, ["the cat"] * 3, answers, np.arange(1, 4), "t.csv"
    )
    assert "'dog': row 2" in check(train)["answer-not-in-context"].what
    tags = examples(["a b"], [("DET", "NOUN")], "tagging")
    assert "DET, NOUN" in check(tags)["tags-without-outside"].what


def test_contexts_that_are_read_in_windows_are_not_truncated() -> None:
    train = Examples(
        "question-answering",
        ["who?"],
        ["the cat ran " * 40],
        [GoldAnswer(("cat",), 4)],
        np.arange(1, 2),
        "t.csv",
    )
    tokenizer = AlbertTokenizer.from_pretrained(PIECES)
    assert "text-truncated" not in check(train, tokenizer=tokenizer, max_length=24)


def test_spans_that_begin_with_an_inside_tag() -> None:
    words = ["a b c", "a b c", "a b c"]
    whole: list[Any] = [("B-X", "I-X", "O"), ("B-X", "O", "B-Y")]
    result = check(examples(words, [*whole, ("B-X", "I-Y", "O")], "tagging"))
    assert "1 of 5 spans" in result["tags-broken"].what
    assert result["tags-broken"].what.endswith("row 3")
    assert "tags-broken" not in check(examples(words[:2], whole, "tagging"))
    iob1: list[Any] = [("I-X", "B-X", "O"), ("I-Y", "I-X", "O"), ("O", "O", "I-X")]
    assert "tags-broken" not in check(examples(words, iob1, "tagging"))


def test_spans_after_the_last_word_that_is_read() -> None:
    rows = [["word"] * 200, ["word"] * 3, ["word"] * 200]
    tags = [("B-X", *["O"] * 198, "B-Y"), ("O", "O", "B-X"), ("B-X", *["O"] * 199)]
    train = replace(examples([" ".join(row) for row in rows], tags, "tagging"), words=rows)
    tokenizer = AlbertTokenizer.from_pretrained("small-en")
    lines = [d.what for d in check_tags(CheckedData(train, tokenizer=tokenizer, max_length=128))]
    assert lines == ["1 span after the 128 ids that the model reads: row 1"]
    assert not list(check_tags(CheckedData(train, tokenizer=tokenizer, max_length=256)))


def test_a_letter_that_no_piece_has_is_two_ids() -> None:
    words = ["ж"] * 100
    tags = [(*["O"] * 99, "B-X")]
    train = replace(examples([" ".join(words)], tags, "tagging"), words=[words])
    tokenizer = AlbertTokenizer.from_pretrained("small-en")
    (cut,) = check_tags(CheckedData(train, tokenizer=tokenizer, max_length=128))
    assert cut.code == "text-truncated"
    assert not list(check_tags(CheckedData(train, tokenizer=tokenizer, max_length=256)))


def test_tags_are_checked_as_the_file_has_them() -> None:
    rows = [{"tokens": ["a", "b"], "tags": ["B-X", "I-X"]} for _ in range(9)]
    session = FinetuneSession.open(
        [*rows, {"tokens": ["a", "c"], "tags": ["I-X", "O"]}], None, FinetuneOptions()
    )
    (broken,) = [d for d in session.check() if d.code == "tags-broken"]
    assert broken.what == "1 of 10 spans have no B- tag at the beginning: row 10"


def test_suspected_labels_are_those_that_other_rows_contradict() -> None:
    ids = np.array([0, 1] * 50)
    probabilities = np.full((100, 2), 0.1)
    probabilities[np.arange(100), ids] = 0.9
    labels = [str(n) for n in ids]
    labels[7], labels[40] = "0", "1"  # contradict their probabilities
    train = examples(sentences(100), labels)
    assert find_suspects(train, probabilities).tolist() == [7, 40]
    assert "rows 8, 41" in check(train, probabilities=probabilities)["labels-suspected"].what


@pytest.mark.parametrize("task", ["regression", "multi-label"])
def test_other_tasks_are_checked_too(task: str) -> None:
    labels = [1.5, 2.5] * 60 if task == "regression" else [("a",), ("a", "b")] * 60
    assert check(examples(sentences(120), labels, task)) == {}
