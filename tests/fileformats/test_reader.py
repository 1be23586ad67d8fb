"""Readers know where the bytes end."""

from __future__ import annotations

from pathlib import Path

import pytest

from albertkit.errors import FormatError, InputError, ResourceError
from albertkit.fileformats import reader
from albertkit.fileformats.reader import ByteReader, map_file, parse_json, read_json


def test_bytes_are_taken_in_order() -> None:
    source = ByteReader(memoryview(b"\x02" + b"\0" * 7 + b"ab"), "x")
    assert source.take_u64() == 2
    assert bytes(source.take(2)) == b"ab"
    assert source.remaining == 0


def test_taking_past_the_end_says_how_much_is_missing() -> None:
    with pytest.raises(FormatError, match=r"x: .*3 bytes early, in its tail.*\[file-truncated\]"):
        ByteReader(memoryview(b"ab"), "x").take(5, "tail")


def test_an_empty_file_is_truncated(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(FormatError, match=r"empty.*\[file-truncated\]"):
        map_file(tmp_path / "a")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\[file-not-found\]"):
        map_file(tmp_path / "a")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no /proc/self/mem here")
def test_a_file_that_the_system_refuses_is_named() -> None:
    with pytest.raises(ResourceError, match=r"'/proc/self/mem' .*\[file-unreadable\]"):
        map_file(Path("/proc/self/mem"))  # there for all, and unreadable at its beginning


@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<html>", b"\n<html lang='en'>"])
def test_a_web_page_that_was_saved_as_the_file_is_recognised(tmp_path: Path, page: bytes) -> None:
    (tmp_path / "a").write_bytes(page)
    with pytest.raises(FormatError, match=r"web page.*\[file-wrong-format\]"):
        map_file(tmp_path / "a")


def test_a_git_lfs_pointer_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(FormatError, match=r"git lfs pull.*\[file-wrong-format\]"):
        map_file(tmp_path / "a")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": 1, "a": 2}', "'a' occurs twice"),
        (b'{"a": ', "cannot be parsed"),
        (b"[1]", "a list, not an object"),
        (b"\xff\xfe", "cannot be parsed"),
        (b'{"a":' * 20_000, "cannot be parsed"),
    ],
)
def test_broken_json_gives_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=rf"x: .*{reason}.*\[json-malformed\]"):
        parse_json(data, "x")


def test_a_byte_order_mark_is_no_part_of_json() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}', "x") == {"a": 1}


def test_json_beyond_the_cap_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "JSON_CAP", 4)
    (tmp_path / "a").write_bytes(b'{"a": 1}')
    with pytest.raises(FormatError, match=r"8 bytes.*\[json-malformed\]"):
        read_json(tmp_path / "a")
