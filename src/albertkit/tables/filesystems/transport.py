"""What brings a file's bytes, a disk or a network, fails otherwise than a file that is damaged.

What may pass ends the reading, so that no row is given up for it; what a file is refused for, or
what its own bytes make unreadable, does not change by itself.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from albertkit.errors import AlbertKitError, FormatError, ResourceError
from albertkit.fileformats.reader import read_errors

# What the system says of a file that it will not open tomorrow either.
REFUSALS = (
    *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR),
    *(errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
)


class Transport(io.RawIOBase):
    """A file's bytes as they are brought, whose failures are told before any decoder sees them.

    name: of the file, for messages. lent: whether the source is another's, and stays open.
    brought: is told how many bytes came. Decoders, pyarrow's too, let our errors through.
    """

    def __init__(
        self,
        source: BinaryIO,
        name: str,
        *,
        lent: bool = False,
        brought: Callable[[int], None] | None = None,
    ) -> None:
        self.source = source
        self.name = name
        self.lent = lent
        self.brought = brought

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self.source.seekable()

    def seek(self, to: int, whence: int = io.SEEK_SET) -> int:
        with told_as_not_brought(self.name):
            return self.source.seek(to, whence)

    def tell(self) -> int:
        return self.source.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # bytes go into it
        with told_as_not_brought(self.name):
            count: int = self.source.readinto(buffer)  # type: ignore[attr-defined]  # all have it
        if self.brought is not None:
            self.brought(count)
        return count

    def close(self) -> None:
        if not self.lent:
            self.source.close()
        super().close()


@contextmanager
def told_as_not_brought(name: str) -> Iterator[None]:
    """Turn what the system or the network says into our errors.

    ResourceError [file-unreadable] for REFUSALS, [filesystem-unreachable] for what may pass.
    """
    with read_errors(name):
        try:
            yield
        except OSError as error:
            if error.errno in REFUSALS:
                raise
            raise ResourceError(
                "filesystem-unreachable",
                f"{name!r} could not be read: {_said(error)}",
                why="its disk or network failed, which says nothing of what is in it",
                fix="Try again when that is well; a job goes on with --resume",
            ) from error


def may_pass(error: AlbertKitError) -> bool:
    """Whether the file may be read another time as it is; else it is bad."""
    return not isinstance(error, FormatError) and error.diagnostic.code != "file-unreadable"


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).partition("\n")[0].rstrip(".")
