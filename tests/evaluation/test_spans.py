"""Spans are read as CoNLL's script and seqeval read them, and counted as nervaluate counts them.

Compared once, by hand: with seqeval 1.2.2 on 24,000 random sequences, lenient and strict, and with
nervaluate 1.2.1 on 800, without a difference.
"""

from __future__ import annotations

import pytest

from albertkit.errors import InputError
from albertkit.evaluation import SpanCounts
from albertkit.tasks.tag_spans import Scheme, TagSpan, read_spans

CASES = [
    ("BIO", "O B-PER I-PER O B-LOC", [("PER", 1, 3), ("LOC", 4, 5)]),
    ("two in a row", "B-PER B-PER I-PER", [("PER", 0, 1), ("PER", 1, 3)]),
    ("IOB1", "I-PER I-PER B-PER O I-LOC", [("PER", 0, 2), ("PER", 2, 3), ("LOC", 4, 5)]),
    ("label changes", "B-PER I-LOC", [("PER", 0, 1), ("LOC", 1, 2)]),
    ("BIOES", "B-PER E-PER S-LOC S-LOC", [("PER", 0, 2), ("LOC", 2, 3), ("LOC", 3, 4)]),
    ("BIOES after E", "B-PER E-PER I-PER", [("PER", 0, 2), ("PER", 2, 3)]),
    ("BILOU", "B-PER I-PER L-PER U-LOC", [("PER", 0, 3), ("LOC", 3, 4)]),
    ("BMES", "B-PER M-PER E-PER", [("PER", 0, 3)]),
    ("no prefix", "PER PER O work-of-art", [("PER", 0, 2), ("work-of-art", 3, 4)]),
    ("dashes in a label", "B-GPE-US I-GPE-US", [("GPE-US", 0, 2)]),
    ("nothing", "O O", []),
    ("no tags", "", []),
]


@pytest.mark.parametrize(("tags", "spans"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_spans_of_tags(tags: str, spans: list[tuple[str, int, int]]) -> None:
    assert read_spans(tags.split()) == [TagSpan(*span) for span in spans]


@pytest.mark.parametrize(
    ("scheme", "tags", "spans"),
    [
        ("BIO", "B-PER I-PER O I-LOC", [("PER", 0, 2)]),
        ("BIO", "B-PER I-LOC", [("PER", 0, 1)]),
        ("BIOES", "B-PER E-PER B-LOC O S-LOC", [("PER", 0, 2), ("LOC", 4, 5)]),
        ("BIOES", "B-PER I-PER", []),
        ("BIOES", "E-PER", []),
        ("BIOES", "B-PER L-PER U-LOC", [("PER", 0, 2), ("LOC", 2, 3)]),
    ],
)
def test_strict_spans_begin_and_end_as_their_scheme_says(
    scheme: Scheme, tags: str, spans: list[tuple[str, int, int]]
) -> None:
    assert read_spans(tags.split(), strict=scheme) == [TagSpan(*span) for span in spans]


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        read_spans(["O"], strict="IOB1")  # type: ignore[arg-type]


def test_scores_of_spans() -> None:
    counts = SpanCounts()
    counts.add(["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "I-PER", "O", "B-ORG"])
    counts.add(["B-LOC", "I-LOC"], ["B-LOC", "O"])
    assert counts.labels == ["LOC", "ORG", "PER"]
    labels = counts.label_counts()
    assert labels.precision.tolist() == [0, 0, 1]
    assert labels.recall.tolist() == [0, 0, 1]
    assert labels.actual.tolist() == [2, 0, 1]
    assert labels.average_f1("micro") == pytest.approx(2 / 6)
    assert labels.average_f1("macro") == pytest.approx(1 / 3)
    assert counts.accuracy == pytest.approx(4 / 6)


def test_texts_with_another_number_of_tags_are_refused() -> None:
    with pytest.raises(InputError, match=r"\[inputs-shape\]"):
        SpanCounts().add(["O"], [])
