"""Whole or nothing: under exceptions, under kill -9 at any moment, on a full disk."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from albertkit.errors import InputError, ResourceError
from albertkit.fileformats.atomic import create_directory, create_file, write_file

OLD = b"old" * 1000
WRITE_FOREVER = """
import sys
from pathlib import Path
from albertkit.fileformats.atomic import create_directory, write_file

kind, place = sys.argv[1], Path(sys.argv[2])
print("ready", flush=True)
for turn in range(10**9):
    content = bytes([turn % 256]) * 300_000
    if kind == "file":
        write_file(place, content)
    else:
        with create_directory(place) as unfinished:
            (unfinished / "a").write_bytes(content)
            (unfinished / "b").write_bytes(content)
"""


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def interrupt(file: BinaryIO) -> None:
    file.write(b"half")
    raise KeyboardInterrupt


def test_a_file_appears_with_what_was_written(tmp_path: Path) -> None:
    write_file(tmp_path / "a", OLD)
    assert (tmp_path / "a").read_bytes() == OLD
    assert names(tmp_path) == ["a"]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_file(path, OLD)
    with pytest.raises(KeyboardInterrupt), create_file(path) as file:
        interrupt(file)
    assert path.read_bytes() == OLD
    assert names(tmp_path) == ["a"]


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "a", OLD)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_link_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(OLD)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "target").read_bytes() == OLD
    assert not (tmp_path / "link").is_symlink()


def test_a_missing_parent_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.*\[file-not-found\]"):
        write_file(tmp_path / "nowhere" / "a", OLD)


def test_a_path_that_is_a_directory_is_a_failed_write(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(ResourceError, match=r"unchanged.*\[write-failed\]"):
        write_file(tmp_path / "a", OLD)
    assert names(tmp_path) == ["a"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_says_to_free_space(tmp_path: Path) -> None:
    with (
        pytest.raises(ResourceError, match=r"Free space.*\[write-failed\]"),
        create_file(tmp_path / "a"),
        Path("/dev/full").open("wb") as full,
    ):
        full.write(OLD)
    assert names(tmp_path) == []


def test_a_new_directory_appears_whole(tmp_path: Path) -> None:
    with create_directory(tmp_path / "deep" / "d") as unfinished:
        (unfinished / "a").write_bytes(OLD)
        assert not (tmp_path / "deep" / "d").exists()
    assert (tmp_path / "deep" / "d" / "a").read_bytes() == OLD
    assert names(tmp_path / "deep") == ["d"]


def test_an_existing_directory_keeps_its_other_files(tmp_path: Path) -> None:
    path = tmp_path / "d"
    (path / "sub").mkdir(parents=True)
    (path / "sub" / "c").write_bytes(b"c")
    (path / "a").write_bytes(OLD)
    (path / "b").write_bytes(b"b")
    with create_directory(path) as unfinished:
        (unfinished / "a").write_bytes(b"new")
    contents = {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}
    assert contents == {"a": b"new", "b": b"b", "sub/c": b"c"}
    assert names(tmp_path) == ["d"]


def test_an_exception_leaves_the_old_directory(tmp_path: Path) -> None:
    path = tmp_path / "d"
    path.mkdir()
    (path / "a").write_bytes(OLD)
    with (
        pytest.raises(KeyboardInterrupt),
        create_directory(path) as unfinished,
        (unfinished / "a").open("wb") as file,
    ):
        interrupt(file)
    assert (path / "a").read_bytes() == OLD
    assert names(tmp_path) == ["d"]


def test_the_current_directory_can_be_saved_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b").write_bytes(b"b")
    with create_directory(Path()) as unfinished:
        (unfinished / "a").write_bytes(OLD)
        (unfinished / "sub").mkdir()
        (unfinished / "sub" / "c").write_bytes(b"c")
    assert names(tmp_path) == ["a", "b", "sub"]
    assert (tmp_path / "sub" / "c").read_bytes() == b"c"


def test_a_directory_is_exchanged_where_the_system_has_no_such_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "albertkit.fileformats.atomic._exchange_in_one_step", lambda new, old: False
    )
    for content in (b"1", b"2"):
        with create_directory(tmp_path / "d") as unfinished:
            (unfinished / "a").write_bytes(content)
    assert (tmp_path / "d" / "a").read_bytes() == b"2"
    assert names(tmp_path) == ["d"]


@pytest.mark.parametrize("below", ["", "m"])
def test_a_file_where_a_directory_should_be_is_refused(below: str, tmp_path: Path) -> None:
    (tmp_path / "d").write_bytes(OLD)
    with (
        pytest.raises(InputError, match=r"d' is a file; .*\[directory-not-empty\]"),
        create_directory(tmp_path / "d" / below),
    ):
        pass
    assert (tmp_path / "d").read_bytes() == OLD


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_a_killed_writer_leaves_one_whole_state(tmp_path: Path, kind: str) -> None:
    path, moments = tmp_path / "place", random.Random(7)
    trials = 0
    while trials < 6 or not path.exists():  # killed each time before the first one was whole
        trials += 1
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOREVER, kind, str(path)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.02 * trials + moments.random() * 0.1)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        if not path.exists():
            continue
        contents = (
            [path.read_bytes()]
            if kind == "file"
            else [(path / name).read_bytes() for name in ("a", "b")]
        )
        assert len(set(contents)) == 1
        assert contents[0] == contents[0][:1] * 300_000


def test_an_error_in_the_block_names_the_path_of_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "d"
    with (
        pytest.raises(InputError, match=rf"there is no directory '{path}/x'"),
        create_directory(path) as d,
    ):
        write_file(d / "x" / "a", OLD)


def test_an_error_without_a_path_is_raised_unchanged(tmp_path: Path) -> None:
    error = InputError("usage", "a number is missing")
    with pytest.raises(InputError) as caught, create_directory(tmp_path / "d"):
        raise error
    assert caught.value is error
    assert caught.value.__cause__ is None


def record_events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is made durable and what is renamed from here on, in this order."""
    events: list[str] = []
    fsync, replace, rename = os.fsync, os.replace, os.rename

    def name_of(handle: int) -> str:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        return "directory" if path.is_dir() else "file"

    def record_fsync(handle: int) -> None:
        events.append(f"fsync {name_of(handle)}")
        fsync(handle)

    def record_move(move: Callable[..., None]) -> Callable[..., None]:
        def record(*places: object) -> None:
            events.append("rename")
            move(*places)

        return record

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_move(replace))
    monkeypatch.setattr(os, "rename", record_move(rename))
    return events


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc on this system")
def test_contents_are_durable_before_their_name_and_the_name_thereafter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = record_events(monkeypatch)
    write_file(tmp_path / "a", OLD)
    assert events == ["fsync file", "rename", "fsync directory"]
    events.clear()
    with create_directory(tmp_path / "d") as unfinished:
        (unfinished / "a").write_bytes(OLD)
    assert events == ["fsync file", "fsync directory", "rename", "fsync directory"]
