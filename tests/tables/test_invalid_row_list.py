"""The list of invalid rows is whole or not there."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from albertkit.errors import ResourceError
from albertkit.tables import InvalidRow, new_invalid_row_list

BAD = (
    InvalidRow("ä.txt", 3, "row-malformed", "holds null", 2),
    InvalidRow("b.txt", 1, "file-malformed", "and what follows", 9, 40),
)


def test_each_bad_row_is_a_line_and_is_counted_with_what_it_stands_for(tmp_path: Path) -> None:
    place = tmp_path / "v.invalid.jsonl"
    with new_invalid_row_list(place) as listed:
        for each in BAD:
            listed.add([each])
        assert not place.exists()
    assert listed.rows == 41
    lines = place.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [asdict(each) for each in BAD]


def test_what_fails_leaves_the_list_of_before(tmp_path: Path) -> None:
    place = tmp_path / "v.invalid.jsonl"
    place.write_text("before")
    with pytest.raises(ZeroDivisionError), new_invalid_row_list(place) as listed:
        listed.add(replace(each, rows=1 // (9 - each.number)) for each in BAD)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_where_none_is_bad_the_list_of_before_is_gone_or_what_keeps_it_is_told(
    tmp_path: Path,
) -> None:
    file, folder = tmp_path / "a.invalid.jsonl", tmp_path / "b.invalid.jsonl"
    file.write_text("before")
    folder.mkdir()
    with new_invalid_row_list(file) as listed:
        listed.add([])
    with (
        pytest.raises(ResourceError, match=r"b\.invalid\.jsonl' could not be.*\[write-failed\]"),
        new_invalid_row_list(folder) as listed,
    ):
        listed.add([])
    assert list(tmp_path.iterdir()) == [folder]
