"""The data sets of benchmarks/finetuning_truth.py as training, validation and test rows.

Input: the folder of files that ../shared/data/README.md lists. Rows are drawn with a fixed seed;
validation rows come from the training split, and test rows are never read before the score.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import zstandard

from albertkit.evaluation.answers import read_squad
from albertkit.finetuning.data.columns import Columns
from albertkit.finetuning.data.examples import Examples, make_examples
from albertkit.tables import WholeTable

Row = dict[str, Any]
VALID_SHARE = 0.2
PAIR = ("sentence1", "sentence2")
CHOICES = 4  # transformers' class needs as many for each question of a batch


@dataclass(frozen=True, slots=True)
class DataSet:
    """What is learned from a file, and how long its texts are.

    Attributes:
        title: For the table.
        columns: What each column is for.
        test: The split whose rows are scored.
        steps: Of a full tuning, of 32 examples each.
        batches: Into which a step is divided, so that long texts need less memory.
        max_length: Ids of a text.
        file: Without its ending; empty: the name of the set.
    """

    title: str
    columns: Columns
    test: str
    steps: int = 100
    batches: int = 1
    max_length: int = 128
    file: str = ""


QUESTIONS = Columns("question-answering", ("question", "context"), "answers")
SETS = {
    "trec": DataSet("TREC", Columns("classification", ("question",), "label"), "test"),
    "sst2": DataSet("SST-2", Columns("classification", ("sentence",), "label"), "test"),
    "cola": DataSet("CoLA", Columns("classification", ("sentence",), "label"), "dev"),
    "agnews": DataSet("AG News", Columns("classification", ("text",), "label"), "test", steps=60),
    "stsb": DataSet("STS-B", Columns("regression", PAIR, "score"), "test", steps=60),
    "wikiann": DataSet(
        "WikiANN", Columns("tagging", ("tokens",), "tags"), "test", file="wikiann-en"
    ),
    "squad-articles": DataSet(
        "SQuAD: 35 articles of dev, scored on 13 others",
        QUESTIONS,
        "test",
        steps=30,
        batches=2,
        max_length=384,
    ),
    "mrpc": DataSet("MRPC", Columns("classification", PAIR, "label"), "test", steps=60),
    "rte": DataSet("RTE", Columns("classification", PAIR, "label"), "dev", steps=60),
    "arc-easy": DataSet(
        "ARC-Easy",
        Columns("multiple-choice", ("question",), "answer", ("choices",)),
        "test",
        steps=30,
        batches=2,
        file="arc",
    ),
    "squad": DataSet(
        "SQuAD dev, from QAMR, NQ and COVID-QA",
        QUESTIONS,
        "test",
        steps=30,
        batches=2,
        max_length=384,
    ),
    "oanc": DataSet(
        "OANC questions",
        Columns("multiple-choice", ("context", "question"), "answer", ("choices",)),
        "test",
        steps=15,
        batches=8,
        max_length=256,
        file="mcq-oanc",
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class SplitRows:
    """The rows of one data set."""

    train: Examples
    valid: Examples
    test: Examples


def read_splits(folder: Path, name: str, rows: int, test_rows: int) -> SplitRows:
    """Draw the rows of a data set.

    Args:
        folder: Of the files.
        name: Of the data set.
        rows: For training, at most; a fifth as many others are for validation.
        test_rows: At most.
    """
    data = SETS[name]
    train, test = (
        draw_rows(_read_rows(folder, name, split), count)
        for split, count in (("train", round(rows * (1 + VALID_SHARE))), (data.test, test_rows))
    )
    valid = max(1, round(len(train) * VALID_SHARE / (1 + VALID_SHARE)))
    return SplitRows(*(_make_examples(name, part) for part in (train[valid:], train[:valid], test)))


def draw_rows(rows: Sequence[Row], count: int) -> list[Row]:
    """Rows in an order of their own, the same each time."""
    return [rows[n] for n in np.random.default_rng(0).permutation(len(rows))[:count]]


def _make_examples(name: str, rows: Sequence[Row]) -> Examples:
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    table = WholeTable(name, columns, range(1, len(rows) + 1))
    return make_examples(table, SETS[name].columns, skip_invalid=True)[0]


def _read_rows(folder: Path, name: str, split: str) -> list[Row]:
    if name == "squad":
        if split == "test":
            return _read_squad(folder / "squad-dev/dev-v1.1.json.zst")
        return _read_other_questions(folder)
    if name == "squad-articles":
        titles = json.loads((folder / "squad-dev/article-split.json").read_text())
        return _read_squad(
            folder / "squad-dev/dev-v1.1.json.zst", titles["held" if split == "test" else "fit"]
        )
    data = SETS[name]
    rows = pq.read_table(folder / f"{data.file or name}.parquet").to_pylist()
    rows = [row for row in rows if row["split"] == split]
    if name == "arc-easy":
        rows = [row for row in rows if row["subset"] == "easy" and len(row["choices"]) == CHOICES]
    if data.columns.task == "classification":  # numbers are names of classes
        rows = [{**row, data.columns.label: str(row[data.columns.label])} for row in rows]
    return rows


def _read_squad(path: Path, titles: Iterable[str] | None = None) -> list[Row]:
    """The questions of all articles, or of those with these titles."""
    with path.open("rb") as file:
        data = json.load(zstandard.ZstdDecompressor().stream_reader(file))["data"]
    wanted = None if titles is None else set(titles)
    articles = [article for article in data if wanted is None or article["title"] in wanted]
    return [
        _as_row(q.question, q.context, q.answers, q.answer_starts)
        for q in read_squad({"data": articles})
    ]


def _read_other_questions(folder: Path) -> list[Row]:
    """Questions that are not SQuAD's. COVID-QA has whole papers: the answer's paragraph is read."""
    rows = [
        _as_row(row["question"], row["context"], (row["answer"],), (row["answer_start"],))
        for row in pq.read_table(folder / "qa-extractive-train.parquet").to_pylist()
    ]
    for row in _read_squad(folder / "covid-qa.json.zst"):
        answer, start = row["answers"]["text"][0], row["answers"]["answer_start"][0]
        first = row["context"].rfind("\n", 0, start) + 1
        last = row["context"].find("\n", start + len(answer))
        paragraph = row["context"][first : last if last > 0 else None]
        rows.append(_as_row(row["question"], paragraph, (answer,), (start - first,)))
    return rows


def _as_row(question: str, context: str, texts: Sequence[str], starts: Sequence[int]) -> Row:
    answers = {"text": list(texts), "answer_start": list(starts)}
    return {"question": question, "context": context, "answers": answers}
