"""A disk that is full leaves what was there, and one line: for every format that is written.

The disk is full at each file in turn: files may not grow beyond a limit that the system holds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.support.axes import random_weights
from tests.support.full_disk import limit_file_size
from tests.support.tiny_models import PIECES, TINY, contents, save_tiny

from albertkit.checkpoints import Checkpoint
from albertkit.checkpoints.format import Format
from albertkit.checkpoints.registry import FORMATS
from albertkit.conversion import convert
from albertkit.errors import AlbertKitError, ResourceError
from albertkit.fileformats.atomic import create_directory
from albertkit.tables import OUTPUT_FORMATS, Table, write_table
from albertkit.tokenization import AlbertTokenizer

NEEDS_MORE = ("bert", "model-garden", "tf1-hub", "tfhub")  # not written, or by TensorFlow
READ = [each.load() for each in FORMATS]
WRITTEN = [each for each in READ if each.name not in NEEDS_MORE]


def files_of(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def check_at_each_file(write: Callable[[Path], object], folder: Path) -> None:
    """Let `write` fail at each of its files, at a new place and at one that holds something."""
    folder.mkdir()
    write(folder / "whole")
    whole = folder / "whole"
    sizes = {len(data) for data in files_of(whole).values()} if whole.is_dir() else set()
    there = folder / "there"
    there.mkdir()
    (there / "old").write_bytes(b"what was there")
    before = files_of(folder)
    for size in sorted({0, *(size - 1 for size in sizes)}):
        for location in (folder / "new", there):
            with pytest.raises(ResourceError) as caught, limit_file_size(size):
                write(location)
            line = str(caught.value)
            assert "\n" not in line
            assert line.startswith(f"'{location}")  # or a file in it, by its final name
            assert "could not be written: File too large; what was there before is unc" in line
            assert line.endswith("(ulimit -f), or write to another disk. [write-failed]")
            assert files_of(folder) == before
            assert sorted(entry.name for entry in folder.iterdir()) == ["there", "whole"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    location = save_tiny(tmp_path_factory.mktemp("source") / "model", ["masked_lm"])
    files = tuple(sorted(path for path in location.iterdir() if path.name in TOKENIZER))
    return Checkpoint(random_weights(TINY, ["masked_lm"], seed=3), contents(files))


TOKENIZER = ("spiece.model", "tokenizer.json", "tokenizer_config.json")


@pytest.mark.parametrize("target", WRITTEN, ids=lambda each: each.name)
def test_every_format_is_written_whole_or_not_at_all(
    target: Format, stored: Checkpoint, tmp_path: Path
) -> None:
    def write(location: Path) -> None:
        with create_directory(location) as directory:
            target.write(stored, directory)

    check_at_each_file(write, tmp_path / "work")


def test_formats_that_are_left_out_here_refuse_to_write_or_need_tensorflow(
    stored: Checkpoint, tmp_path: Path
) -> None:
    others = [each for each in READ if each not in WRITTEN and each.name != "tfhub"]
    assert len(others) == len(NEEDS_MORE) - 1
    for each in others:
        with pytest.raises(AlbertKitError, match=r"\[unsupported-by-format\]"):
            each.write(stored, tmp_path / "place")


def test_a_tokenizer_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(PIECES)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "spiece.model").write_bytes(b"what was there")
    before = files_of(tmp_path)
    with pytest.raises(ResourceError, match=r"\[write-failed\]"), limit_file_size(5_000):
        tokenizer.save_pretrained(tmp_path / "there")
    assert files_of(tmp_path) == before


def test_a_conversion_is_written_whole_or_not_at_all(stored: Checkpoint, tmp_path: Path) -> None:
    source = save_tiny(tmp_path / "source", ["masked_lm"])
    (tmp_path / "out").mkdir()
    with pytest.raises(ResourceError) as caught, limit_file_size(5_000):
        convert(source, tmp_path / "out" / "new", to="keras-hub")
    assert str(caught.value).endswith("[write-failed]")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", OUTPUT_FORMATS)
def test_a_table_is_written_whole_or_not_at_all(kind: str, tmp_path: Path) -> None:
    table = Table({"vector": np.ones((500, 64), np.float32)})
    location = tmp_path / f"vectors{kind}"
    write_table(table, location)  # with room it can be written
    location.write_bytes(b"what was there")
    with (
        pytest.raises(ResourceError, match=r"File too large.*\[write-failed\]"),
        limit_file_size(100),
    ):
        write_table(table, location)
    assert files_of(tmp_path) == {location.name: b"what was there"}
