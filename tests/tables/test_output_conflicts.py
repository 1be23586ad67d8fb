"""An output that would be read as an input is refused."""

from __future__ import annotations

import pytest

from albertkit.errors import InputError
from albertkit.tables.filesystems.remote_path import make_path
from albertkit.tables.writers.files import check_output_not_input


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ("texts/out/part.parquet", "texts"),
        ("texts/v.jsonl", "."),
        ("v.jsonl", "texts/../v.jsonl"),
        ("s3://key:secret@bucket/texts/out/part.parquet", "s3://bucket/texts?region=eu"),
        ("texts/v.jsonl", "texts/*.jsonl"),
        ("texts/2024-v.jsonl", "texts/../texts/20[0-9][0-9]-?.*"),
        ("texts/a/b/v.jsonl", "texts/**/*.jsonl"),
        ("texts/v.jsonl", "texts/**"),
    ],
)
def test_an_output_that_would_be_read_is_refused(output: str, path: str) -> None:
    with pytest.raises(InputError, match=r"(is|matches) (in the|an|the) input.*\[output-taken\]"):
        check_output_not_input(make_path(output), ["other.txt", path])


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ("texts/v.npy", "texts"),
        ("texts/_out/part.parquet", "texts"),
        ("out/part.parquet", "texts"),
        ("texts/part.parquet", "s3://bucket/texts"),
        ("s3://bucket/texts-2/part.parquet", "s3://bucket/texts"),
        ("texts/v.parquet", "texts/*.jsonl"),
        ("texts/out/v.jsonl", "texts/*.jsonl"),
        ("v.jsonl", "texts/**/*.jsonl"),
        ("s3://bucket/v.jsonl", "*/*"),
    ],
)
def test_an_output_that_would_not_be_read_is_accepted(output: str, path: str) -> None:
    check_output_not_input(make_path(output), [path])
