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
    ],
)
def test_an_output_that_would_be_read_is_refused(output: str, path: str) -> None:
    with pytest.raises(InputError, match=r"is (in the input directory|an input).*\[output-taken\]"):
        check_output_not_input(make_path(output), ["other.txt", path])


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ("texts/v.npy", "texts"),
        ("texts/_out/part.parquet", "texts"),
        ("out/part.parquet", "texts"),
        ("texts/part.parquet", "s3://bucket/texts"),
        ("s3://bucket/texts-2/part.parquet", "s3://bucket/texts"),
    ],
)
def test_an_output_that_would_not_be_read_is_accepted(output: str, path: str) -> None:
    check_output_not_input(make_path(output), [path])
