"""Jobs with a head: they can be resumed, and their windows are bounded by all texts of a row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.tiny_heads import save_head

from albertkit.tables import RowBatch
from albertkit.tasks.head_jobs import AnswerJob, ChooseJob, ClassifyJob, HeadJob, TagJob
from albertkit.tasks.inputs import WINDOW_CHARACTERS, RowWindows
from albertkit.tasks.invalid_cells import find_missing_choices
from albertkit.tasks.jobs.run_job import run_job, start_job

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


JOBS: dict[str, Callable[..., HeadJob]] = {
    "sequence_classification": ClassifyJob,
    "token_classification": TagJob,
    "question_answering": AnswerJob,
    "multiple_choice": ChooseJob,
}


@pytest.mark.parametrize("head", JOBS)
def test_a_job_is_resumed(head: str, tmp_path: Path) -> None:
    row = {"text": "the house", "context": "a house", "choices": ["one", "two"]}
    (tmp_path / "in.jsonl").write_text(f"{json.dumps(row)}\n" * 5)
    model = str(save_head(tmp_path / "model", head))
    job = JOBS[head]((str(tmp_path / "in.jsonl"),), model=model, shard_rows=2)
    with start_job(job, tmp_path / "out", shard_format="jsonl") as open_job:
        assert run_job(open_job).shards == 3
    expected = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (tmp_path / "out" / "part-00001.jsonl").unlink()
    with start_job(job, tmp_path / "out", shard_format="jsonl", resume=True) as open_job:
        assert run_job(open_job).shards == 1
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == expected


def test_a_cell_that_is_no_list_of_choices_is_an_error_of_its_row() -> None:
    cells = ['["a", "b"]', ["a", "b"], '["a"]', "a", "[" * 100_000, None]
    assert [*find_missing_choices("choices", cells)] == [2, 3, 4, 5]
