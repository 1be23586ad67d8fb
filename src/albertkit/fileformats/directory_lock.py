"""Lock a directory against other processes; the system ends the lock when a process dies.

Not supported: Windows, where nothing is locked, and network file systems without flock.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from albertkit.errors import ResourceError
from albertkit.fileformats.atomic import write_errors

LOCK = ".lock"


def acquire_lock(directory: Path, *, why: str) -> int:
    """Lock a directory until the result is closed.

    Args:
        directory: It exists.
        why: What two processes would spoil, for the message.

    Returns:
        A file descriptor, for `os.close`.

    Raises:
        ResourceError: [output-busy] if another process holds it.
    """
    path = directory / LOCK
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock_file(handle)
            if _is_same_file(handle, path):
                return handle
        except BlockingIOError as error:
            os.close(handle)
            raise ResourceError(
                "output-busy",
                f"another process writes to {str(directory)!r}",
                why=why,
                fix="Wait until it is done, or write to another directory",
            ) from error
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # of a file that `hold_lock` has just removed


@contextmanager
def hold_lock(directory: Path, *, why: str) -> Iterator[None]:
    """Make and lock a directory for the block; if it is empty afterwards, it is removed.

    Args:
        directory: Its parents are made too.
        why: What two processes would spoil, for the message.

    Raises:
        ResourceError: [output-busy] if another process holds it; [write-failed].
    """
    with write_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
        handle = acquire_lock(directory, why=why)
    try:
        yield
    finally:
        with suppress(OSError):
            (directory / LOCK).unlink()  # while it is locked: no other process can hold it
        os.close(handle)
        with suppress(OSError):  # it holds checkpoints
            directory.rmdir()


def _lock_file(handle: int) -> None:
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_same_file(handle: int, path: Path) -> bool:
    """Whether the path still names the open file."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
