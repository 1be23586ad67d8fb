"""Write files and directories whole or not at all.

In: a place and a body that writes. Out: the place holds either all that the body wrote, or what
it held before. What is unfinished lies under a hidden temporary name beside the place.
Not promised: file systems where rename is not atomic, disks that lie about fsync.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from albertkit.errors import AlbertKitError, InputError, ResourceError

LOGGER = logging.getLogger(__name__)

AT_FDCWD = -100  # Source: linux/fcntl.h
RENAME_EXCHANGE = 2  # Source: linux/fs.h


@contextmanager
def new_file(place: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the name `place` when the block ends well.

    Its mode is 0666 less the umask. A link of that name is replaced, not followed.
    Raises InputError [file-not-found] without a parent directory, ResourceError
    [write-failed] where the disk is full or the directory closed to us.
    """
    if not place.parent.is_dir():
        raise InputError(
            "file-not-found",
            f"there is no directory {str(place.parent)!r}",
            why=f"{place.name!r} was to be written there",
            fix="Make it, or write to another place",
        )
    unfinished = _temporary_sibling(place)
    with write_errors(place):
        try:
            with _created(unfinished) as file:
                yield file
                flush_to_disk(file)
            unfinished.replace(place)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        _sync_directory(place.parent)


@contextmanager
def new_directory(place: Path, *, others: Literal["kept", "removed"] = "kept") -> Iterator[Path]:
    """Give an empty directory to write into, which becomes `place` when the block ends well.

    others: whether the other files of a `place` that exists stay beside the new ones. A place
    that cannot change its name (a mount point, or one that holds the current directory) gets its
    new files one by one, each whole, in the order of their names; the log says so. It is refused
    where others were to be removed.
    Raises InputError [directory-not-empty] for a file's name, ResourceError [write-failed].
    """
    fixed = place.is_dir() and _cannot_be_renamed(place)
    if fixed and others == "removed" and any(place.iterdir()):
        raise _not_exchangeable(place)
    with write_errors(place):
        _refuse_files_in_the_way(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = place / f".new-{_token()}" if fixed else _temporary_sibling(place)
        try:
            unfinished.mkdir()
            with hide_temporary_path(unfinished, place):
                yield unfinished
            if place.exists() and not fixed and others == "kept":
                _carry_over(place, unfinished)
            _sync_tree(unfinished)
            if fixed:
                LOGGER.info("%s cannot be exchanged: its files are replaced one by one", place)
                _replace_each(unfinished, place)
            elif place.exists():
                _exchange(unfinished, place)
            else:
                unfinished.rename(place)
        finally:
            # after an exchange the old directory has this name
            shutil.rmtree(unfinished, ignore_errors=True)
        _sync_directory(place.parent)


def write_file(place: Path, data: bytes) -> None:
    """Write `data` to `place`, whole or not at all; raises as `new_file` does."""
    with new_file(place) as file:
        file.write(data)


def flush_to_disk(file: BinaryIO) -> None:
    """Wait until what was written lies on the disk: then nothing of it can fail any more."""
    file.flush()
    os.fsync(file.fileno())


def temporary_name(name: str) -> str:
    """A hidden name beside `name` that no other writer takes, of this machine or another."""
    return f".{name}.tmp-{_token()}"


def _token() -> str:
    return f"{os.getpid()}-{os.urandom(4).hex()}"


def _temporary_sibling(place: Path) -> Path:
    return place.with_name(temporary_name(place.name))


def _created(path: Path) -> BinaryIO:
    # os.open lets the kernel apply the umask; tempfile would leave mode 0600
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o666), "w+b")


@contextmanager
def write_errors(place: Path | str) -> Iterator[None]:
    """Turn what the system says into ResourceError [write-failed]."""
    try:
        yield
    except OSError as error:
        raise ResourceError(
            "write-failed",
            f"{str(place)!r} could not be written: {error.strerror or error}",
            why="what was there before is untouched",
            fix=_remedy(error.errno),
        ) from error


@contextmanager
def hide_temporary_path(staging: Path, place: Path) -> Iterator[None]:
    """Let errors name the place that the user gave, not the one where it is being made."""
    try:
        yield
    except AlbertKitError as error:
        part = error.diagnostic

        def said(text: str) -> str:
            return text.replace(str(staging), str(place))

        raise type(error)(
            part.code,
            said(part.what),
            why=said(part.why),
            fix=said(part.fix),
            where=said(part.where),
        ) from error


def _remedy(number: int | None) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "Free space on this disk, or write to another"
    if number == errno.EFBIG:
        return "Let files grow larger (ulimit -f), or write to another disk"
    return "Write to a directory that you may change"


def _refuse_files_in_the_way(place: Path) -> None:
    """No directory is made in the place of a file, nor below one."""
    for file in (place, *place.parents):
        if file.exists() and not file.is_dir():
            raise InputError(
                "directory-not-empty",
                f"{str(file)!r} is a file",
                why="a directory is to be written there, and the file would be lost",
                fix="Give a directory's name",
            )


def _cannot_be_renamed(place: Path) -> bool:
    return place.is_mount() or place.is_symlink() or Path.cwd().is_relative_to(place.resolve())


def _not_exchangeable(place: Path) -> ResourceError:
    return ResourceError(
        "write-failed",
        f"{str(place)!r} cannot be exchanged for a new directory",
        why="it is a mount point, or holds the current directory",
        fix="Write to another directory, or call from another",
    )


def _carry_over(old: Path, new: Path) -> None:
    """Give `new` the files of `old` that it doesn't have, as links where the disk can."""
    for entry in old.iterdir():
        target = new / entry.name
        if target.exists():
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, target, symlinks=True, copy_function=_link_or_copy)
        else:
            _link_or_copy(str(entry), str(target))


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target, follow_symlinks=False)
    return target


def _exchange(new: Path, place: Path) -> None:
    """Let `new` and `place` change names in one step, in two where the system has no such call."""
    if _renamed_in_one_step(new, place):
        return
    aside = _temporary_sibling(place)
    place.rename(aside)
    try:
        new.rename(place)
    except OSError:
        aside.rename(place)
        raise
    aside.rename(new)


def _renamed_in_one_step(new: Path, place: Path) -> bool:
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    failed: int = call(AT_FDCWD, os.fsencode(new), AT_FDCWD, os.fsencode(place), RENAME_EXCHANGE)
    return failed == 0


def _replace_each(new: Path, place: Path) -> None:
    for entry in sorted(new.iterdir()):
        target = place / entry.name
        if entry.is_dir():
            target.mkdir(exist_ok=True)
            _replace_each(entry, target)
        else:
            entry.replace(target)
    _sync_directory(place)


def _sync_tree(top: Path) -> None:
    for folder, _, files in os.walk(top):
        for name in files:
            if not (Path(folder) / name).is_symlink():
                _sync_directory(Path(folder) / name)
        _sync_directory(Path(folder))


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
