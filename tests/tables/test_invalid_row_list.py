"""The list of invalid rows is complete or absent."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from albertkit.errors import ResourceError
from albertkit.tables import InvalidRow, create_invalid_row_list

BAD = (
    InvalidRow("ä.txt", 3, "row-malformed", "holds null", 2),
    InvalidRow("b.txt", 1, "file-malformed", "and what follows", 9, 40),
)


def test_each_invalid_row_is_a_line_and_counts_the_rows_it_stands_for(tmp_path: Path) -> None:
    path = tmp_path / "v.invalid.jsonl"
    with create_invalid_row_list(path) as listed:
        for each in BAD:
            listed.add([each])
        assert not path.exists()
    assert listed.rows == 41
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {**asdict(row), "number": row.number + 1} for row in BAD
    ]


def test_a_failed_write_leaves_the_earlier_list(tmp_path: Path) -> None:
    path = tmp_path / "v.invalid.jsonl"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), create_invalid_row_list(path) as listed:
        listed.add(replace(each, rows=1 // (9 - each.number)) for each in BAD)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_without_invalid_rows_the_earlier_list_is_removed(
    tmp_path: Path,
) -> None:
    file, folder = tmp_path / "a.invalid.jsonl", tmp_path / "b.invalid.jsonl"
    file.write_text("before")
    folder.mkdir()
    with create_invalid_row_list(file) as listed:
        listed.add([])
    with (
        pytest.raises(ResourceError, match=r"b\.invalid\.jsonl' could not be.*\[write-failed\]"),
        create_invalid_row_list(folder) as listed,
    ):
        listed.add([])
    assert list(tmp_path.iterdir()) == [folder]
