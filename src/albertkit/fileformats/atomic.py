"""Write files and directories atomically: all that the block writes, or what was there before.

What is unfinished has a hidden temporary name in the same directory.
Not promised: file systems where rename is not atomic, disks that do not obey fsync.
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
TEMPORARY = ".tmp-"  # in temporary names, after the name that they will have


@contextmanager
def create_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that gets its name when the block ends without an error.

    Its mode is 0666 less the umask. A symbolic link of that name is replaced, not followed.

    Args:
        path: The file; an old one is replaced.

    Yields:
        The open file.

    Raises:
        InputError: [file-not-found] without a parent directory.
        ResourceError: [write-failed].
    """
    check_parent(path)
    temporary = _make_temporary_path(path)
    with write_errors(path):
        try:
            with _create(temporary) as file:
                yield file
                flush_to_disk(file)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync(path.parent)


def check_parent(path: Path) -> None:
    """Check that the directory exists in which a file is to be written.

    Raises:
        InputError: [file-not-found].
    """
    if not path.parent.is_dir():
        raise InputError(
            "file-not-found",
            f"there is no directory {str(path.parent)!r}",
            why=f"{path.name!r} was to be written there",
            fix="Make it, or write to another directory",
        )


@contextmanager
def create_directory(
    directory: Path, *, others: Literal["kept", "removed"] = "kept"
) -> Iterator[Path]:
    """Make an empty directory that gets its name when the block ends without an error.

    Only the outermost writer uses this: what it calls writes plainly into the temporary directory.
    A directory that cannot be renamed (a mount point, a link, or one that holds the current
    directory) gets its new files one by one, each complete, in the order of their names; the log
    says so.

    Args:
        directory: The name to take; parents are made.
        others: Whether the other files of an existing directory are kept.

    Yields:
        The temporary directory to write into.

    Raises:
        InputError: [directory-not-empty] if a file has the name.
        ResourceError: [write-failed]; also if others were to be removed from a directory that
            cannot be renamed.
    """
    fixed = directory.is_dir() and _is_unrenamable(directory)
    if fixed and others == "removed" and any(directory.iterdir()):
        raise _not_replaceable_error(directory)
    with write_errors(directory):
        refuse_files(directory)
        directory.parent.mkdir(parents=True, exist_ok=True)
        temporary = (
            directory / f".new-{_make_token()}" if fixed else _make_temporary_path(directory)
        )
        try:
            temporary.mkdir()
            with hide_temporary_path(temporary, directory):
                yield temporary
            if directory.exists() and not fixed and others == "kept":
                _carry_over(directory, temporary)
            _sync_tree(temporary)
            if fixed:
                LOGGER.info("%s cannot be renamed: its files are replaced one by one", directory)
                _replace_files(temporary, directory)
            elif directory.exists():
                _exchange(temporary, directory)
            else:
                temporary.rename(directory)
        finally:
            # after an exchange the old directory has this name
            shutil.rmtree(temporary, ignore_errors=True)
        _sync(directory.parent)


def refuse_files(directory: Path) -> None:
    """Refuse a directory whose name, or a parent's, is a file.

    Args:
        directory: that is to be written.

    Raises:
        InputError: [directory-not-empty].
    """
    for path in (directory, *directory.parents):
        if path.exists() and not path.is_dir():
            raise InputError(
                "directory-not-empty",
                f"{str(path)!r} is a file",
                why="a directory is to be written there, and the file would be lost",
                fix="Give a directory's name",
            )


def write_file(path: Path, data: bytes) -> None:
    """Write a whole file atomically; raises as `create_file` does."""
    with create_file(path) as file:
        file.write(data)


def flush_to_disk(file: BinaryIO) -> None:
    """Wait until the disk has all that was written, so that no write can fail later."""
    file.flush()
    os.fsync(file.fileno())


def make_temporary_name(name: str) -> str:
    """Make a hidden name from `name` that no other writer uses, on this machine or another."""
    return f".{name}{TEMPORARY}{_make_token()}"


@contextmanager
def write_errors(path: Path | str) -> Iterator[None]:
    """Turn an OSError of the block into ResourceError [write-failed]."""
    try:
        yield
    except OSError as error:
        raise ResourceError(
            "write-failed",
            f"{str(path)!r} could not be written: {error.strerror or error}",
            why="what was there before is unchanged",
            fix=_choose_remedy(error.errno),
        ) from error


@contextmanager
def hide_temporary_path(temporary: Path, path: Path) -> Iterator[None]:
    """Replace the temporary path in errors of the block by the path that the user gave."""
    try:
        yield
    except AlbertKitError as error:
        diagnostic = error.diagnostic
        if str(temporary) not in diagnostic.line():
            raise

        def rewrite(text: str) -> str:
            return text.replace(str(temporary), str(path))

        raise type(error)(
            diagnostic.code,
            rewrite(diagnostic.what),
            why=rewrite(diagnostic.why),
            fix=rewrite(diagnostic.fix),
            where=rewrite(diagnostic.where),
        ) from error


def _make_token() -> str:
    return f"{os.getpid()}-{os.urandom(4).hex()}"


def _make_temporary_path(path: Path) -> Path:
    return path.with_name(make_temporary_name(path.name))


def _create(path: Path) -> BinaryIO:
    # os.open lets the kernel apply the umask; tempfile would leave mode 0600
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o666), "w+b")


def _choose_remedy(number: int | None) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "Free space on this disk, or write to another"
    if number == errno.EFBIG:
        return "Allow larger files (ulimit -f), or write to another disk"
    return "Write to a directory that you may change"


def _is_unrenamable(directory: Path) -> bool:
    return (
        directory.is_mount()
        or directory.is_symlink()
        or Path.cwd().is_relative_to(directory.resolve())
    )


def _not_replaceable_error(directory: Path) -> ResourceError:
    return ResourceError(
        "write-failed",
        f"{str(directory)!r} cannot be replaced by a new directory",
        why="it is a mount point or a link, or holds the current directory",
        fix="Write to another directory, or call from another",
    )


def _carry_over(old: Path, new: Path) -> None:
    """Give `new` the files that only `old` has, as hard links if the disk can."""
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


def _exchange(new: Path, old: Path) -> None:
    """Exchange the names of two directories: in one step, or in two on other systems than Linux."""
    if _exchange_in_one_step(new, old):
        return
    aside = _make_temporary_path(old)
    old.rename(aside)
    try:
        new.rename(old)
    except OSError:
        aside.rename(old)
        raise
    aside.rename(new)


def _exchange_in_one_step(new: Path, old: Path) -> bool:
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    status: int = call(AT_FDCWD, os.fsencode(new), AT_FDCWD, os.fsencode(old), RENAME_EXCHANGE)
    return status == 0


def _replace_files(new: Path, directory: Path) -> None:
    """Move the files of `new` into a directory, one by one."""
    for entry in sorted(new.iterdir()):
        target = directory / entry.name
        if entry.is_dir():
            target.mkdir(exist_ok=True)
            _replace_files(entry, target)
        else:
            entry.replace(target)
    _sync(directory)


def _sync_tree(top: Path) -> None:
    """Flush all files and directories of a tree to the disk."""
    for directory, _, files in os.walk(top):
        for name in files:
            if not (Path(directory) / name).is_symlink():
                _sync(Path(directory) / name)
        _sync(Path(directory))


def _sync(path: Path) -> None:
    """Flush a file, or the names in a directory, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
