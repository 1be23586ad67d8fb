"""Jobs: shards hold the vectors of their rows, in any process and however they were read."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
from tests.support.tiny_jobs import TEXTS, model, windows_of_five

from albertkit.errors import InputError
from albertkit.runtime import LoadOptions
from albertkit.tables.writers.shards import Shards
from albertkit.tasks.embed_job import EmbedJob
from albertkit.tasks.jobs.shard import ShardTask, make_shard

__all__ = ["model", "windows_of_five"]
NUMPY = LoadOptions(engine="numpy")


def test_a_shard_holds_the_vectors_of_its_own_rows(model: str, tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join(TEXTS) + "\n")
    job = EmbedJob((str(lines),), model=model, load=NUMPY, shard_rows=8)
    embedder = job.open()
    shards = Shards(tmp_path, "npy")
    done = [make_shard(embedder, ShardTask(job, shards, number)) for number in (2, 0, 1, 3)]
    assert [(each.number, each.rows, each.invalid) for each in done] == [
        (2, 7, 0), (0, 8, 0), (1, 8, 0), (3, 0, 0),
    ]  # fmt: skip
    assert shards.complete_shards() == {0, 1, 2}
    for number in range(3):
        own = np.load(str(shards.path(number)))
        np.testing.assert_array_equal(own, embedder.encode(TEXTS[number * 8 : number * 8 + 8]))


def test_messages_number_texts_through_the_whole_input(model: str, tmp_path: Path) -> None:
    rows = [json.dumps(text) for text in TEXTS]
    rows[9:11] = ["null", "null"]
    rows[17], rows[18] = '""', json.dumps("water " * 50)
    lines = tmp_path / "rows.jsonl"
    lines.write_text("\n".join(rows) + "\n")
    job = EmbedJob((str(lines),), skip_invalid=True, model=model, load=NUMPY, shard_rows=8)
    embedder = job.open()
    done = make_shard(embedder, ShardTask(job, Shards(tmp_path, "npy"), 2))
    assert (done.report.empty.count, done.report.empty.first) == (1, 17)
    strict = replace(job, truncation="error")
    with pytest.raises(InputError, match=r"text 19 is too long; .*\[text-too-long\]"):
        make_shard(strict.open(), ShardTask(strict, Shards(tmp_path, "npy"), 2))
    of_one = replace(strict, shard_rows=100)
    with pytest.raises(InputError, match=r"text 19 is too long; .*\[text-too-long\]"):
        make_shard(of_one.open(), ShardTask(of_one, Shards(tmp_path, "npy"), 0))


def test_the_warning_of_empty_texts_says_whether_search_shows_them(
    model: str, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("id,text\n1,water\n2,\n")
    job = EmbedJob((str(table),), column="text", keep=("id",), model=model, load=NUMPY)
    for own, words in ((job, "search may show it"), (replace(job, keep=()), "search never shows")):
        done = make_shard(own.open(), ShardTask(own, Shards(tmp_path, "npy"), 0))
        (warning,) = done.report.diagnostics()
        assert words in warning.line()


def test_the_types_of_its_fields_can_be_resolved() -> None:
    """As a writer of JSON does."""
    assert {*get_type_hints(EmbedJob)} == {field.name for field in fields(EmbedJob)}
