"""One document a file: whole texts with their names, and files that are not texts."""

from __future__ import annotations

import gzip
import logging
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.support.other_user import as_other_user

from albertkit.errors import AlbertKitError, FormatError, InputError
from albertkit.tables import ReadOptions, Table, find_inputs, read_batches, write_table

FILES = ReadOptions(files=True)
TEXT = "# A title\r\n\nTwo lines,\nof “text”. \n"


def rows_of(*locations: Path, skip_invalid: bool = False) -> list[tuple[object, ...]]:
    inputs = find_inputs(locations, options=FILES)
    assert inputs.rows == len(inputs.files)
    return [
        (str(name), text)
        for batch in read_batches(inputs, keep=("file",), skip_invalid=skip_invalid)
        for name, text in zip(batch.kept["file"], batch.texts, strict=True)
    ]


def test_each_file_is_one_text_to_its_last_byte(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(TEXT.encode())
    (tmp_path / "b.csv").write_text("text,n\na,1\n")
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(b"\xef\xbb\xbfzipped"))
    (tmp_path / "d").write_bytes(TEXT.encode("utf-16"))
    (tmp_path / "empty.md").touch()
    assert rows_of(tmp_path) == [
        (str(tmp_path / "a.md"), TEXT),
        (str(tmp_path / "b.csv"), "text,n\na,1\n"),
        (str(tmp_path / "c.txt.gz"), "zipped"),
        (str(tmp_path / "d"), TEXT),
        (str(tmp_path / "empty.md"), ""),
    ]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_name_that_is_not_utf8_can_be_written(suffix: str, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.txt")
    odd.write_text("text")
    ((name, text),) = rows_of(odd)
    write_table(Table({"file": [name], "text": [text]}), tmp_path / f"out.{suffix}")
    assert name == str(tmp_path / r"caf\udce9.txt")


def test_reading_can_begin_with_any_file(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text(f"text {number}")
    inputs = find_inputs(tmp_path, options=FILES)
    batches = list(read_batches(inputs, start=3))
    assert [text for batch in batches for text in batch.texts] == ["text 3", "text 4"]


def test_a_directory_skips_files_of_other_bytes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.md").write_text("text")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (tmp_path / "c.parquet").write_bytes(b"PAR1")
    with caplog.at_level(logging.WARNING):
        assert len(rows_of(tmp_path)) == 1
    assert "their bytes are no text" in caplog.text
    assert "[files-skipped]" in caplog.text


def test_a_directory_of_binaries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it is empty.*\[texts-missing\]"):
        rows_of(tmp_path)
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with pytest.raises(InputError, match=r"there is no text file in .*\[texts-missing\]"):
        rows_of(tmp_path)
    with pytest.raises(FormatError, match=r"a document is text.*\[file-wrong-format\]"):
        rows_of(tmp_path / "b.png")


def test_another_encoding_is_one_line_or_a_listed_row(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "b.txt").write_bytes("café".encode("cp1252"))
    with pytest.raises(FormatError, match=r"0xe9, .*--encoding cp1252.*\[file-not-utf8\]"):
        rows_of(tmp_path)
    assert len(rows_of(tmp_path, skip_invalid=True)) == 1


def test_a_file_that_may_not_be_read_is_not_passed_over() -> None:
    with TemporaryDirectory() as folder:  # other users may not read pytest's directory
        Path(folder, "a.txt").write_text("text")
        Path(folder, "b.txt").write_text("secret")
        Path(folder, "b.txt").chmod(0)
        Path(folder).chmod(0o755)
        with as_other_user(), pytest.raises(AlbertKitError, match=r"b\.txt.*\[file-unreadable\]"):
            rows_of(Path(folder))


@pytest.mark.parametrize("other", [{"file_format": "csv"}, {"header": False}, {"delimiter": ";"}])
def test_a_document_has_no_cells(other: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        ReadOptions(files=True, **other)  # type: ignore[arg-type]
