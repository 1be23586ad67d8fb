"""Windows of jobs with a head are bounded by all texts of their rows."""

from __future__ import annotations

from typing import Any

import pytest

from albertkit.tables import RowBatch
from albertkit.tasks.head_jobs import AnswerJob, ChooseJob, ClassifyJob, HeadJob, TagJob
from albertkit.tasks.inputs import WINDOW_CHARACTERS, RowWindows

LONG = "a" * (WINDOW_CHARACTERS // 4)
ROWS = ("in.jsonl",)


@pytest.mark.parametrize(
    ("job", "kept"),
    [
        (AnswerJob(ROWS, context=LONG), {}),
        (AnswerJob(ROWS), {"context": [LONG] * 10}),
        (ChooseJob(ROWS, choices=("a", "b"), context=LONG), {}),
        (ChooseJob(ROWS), {"choices": [[LONG, "b"]] * 10}),
        (
            ClassifyJob(ROWS, pair_column="second", keep=("n",)),
            {"n": [1] * 10, "second": [LONG] * 10},
        ),
    ],
)
def test_a_window_holds_few_long_texts(job: HeadJob, kept: dict[str, Any]) -> None:
    assert job.columns == tuple(kept)
    batch = RowBatch([str(number) for number in range(10)], kept, 0)
    windows = RowWindows([batch], lambda rows: None, characters=job.characters)
    assert [len(rows.texts) for rows, _ in windows.rows()] == [4, 4, 2]


def test_a_window_holds_many_short_texts() -> None:
    batch = RowBatch(["a"] * 10, {}, 0)
    windows = RowWindows([batch], lambda rows: None, characters=TagJob(ROWS).characters)
    assert [len(rows.texts) for rows, _ in windows.rows()] == [10]
