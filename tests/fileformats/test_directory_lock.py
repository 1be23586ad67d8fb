"""One process at a time in a directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from albertkit.errors import ResourceError
from albertkit.fileformats.directory_lock import LOCK, acquire_lock, hold_lock

WHY = "two runs would mix their files"


def test_a_locked_directory_is_refused_until_the_block_ends(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "run"
    with hold_lock(directory, why=WHY):
        for _ in range(2):
            with (
                pytest.raises(ResourceError, match=r"a/run'; two runs would.*\[output-busy\]"),
                hold_lock(directory, why=WHY),
            ):
                pass
        assert (directory / LOCK).exists()
    assert not directory.exists()
    with hold_lock(directory, why=WHY):
        (directory / "checkpoint").touch()
    assert [path.name for path in directory.iterdir()] == ["checkpoint"]


def test_the_lock_of_a_removed_file_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking, the one who held the lock removes its file."""
    opened: list[int] = []
    real = os.open

    def open_and_remove(path: Path, flags: int, mode: int = 0o777) -> int:
        handle = real(path, flags, mode)
        if not opened:
            Path(path).unlink()
        opened.append(handle)
        return handle

    monkeypatch.setattr(os, "open", open_and_remove)
    handle = acquire_lock(tmp_path, why=WHY)
    assert handle == opened[1]
    with pytest.raises(ResourceError, match=r"\[output-busy\]"):
        acquire_lock(tmp_path, why=WHY)
    os.close(handle)


def test_a_name_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with (
        pytest.raises(ResourceError, match=r"\[write-failed\]"),
        hold_lock(tmp_path / "run", why=WHY),
    ):
        pass
