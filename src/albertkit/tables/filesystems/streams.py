"""Files and standard input as streams of bytes, decompressed, whose failures are told in a line.

Several processes and kinds read through here; nothing is ever held whole.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from albertkit.errors import AlbertKitError, FormatError, ResourceError, import_extra
from albertkit.errors.wording import first_line
from albertkit.fileformats.atomic import write_errors
from albertkit.fileformats.reader import read_errors
from albertkit.tables.filesystems.remote import is_uri, open_uri, uri_size, without_account
from albertkit.tables.formats import HEAD, Compression

STANDARD_INPUT = "-"
TOGETHER = 2**17  # bytes that are brought at once, for which a store is asked once


class Rejoined(io.RawIOBase):
    """A stream of which the beginning was looked at, from its beginning."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self.head = memoryview(head)
        self.rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # bytes go into it
        if not self.head:
            found = self.rest.read(len(buffer))
            buffer[: len(found)] = found
            return len(found)
        count = min(len(buffer), len(self.head))
        buffer[:count] = self.head[:count]
        self.head = self.head[count:]
        return count

    def close(self) -> None:
        self.rest.close()
        super().close()


def opened(path: str, name: str, on_bytes: Callable[[int], None] | None = None) -> BinaryIO:
    """The bytes of a file, or of standard input; raises as `told_as_not_brought` does.

    name: what messages call it. brought: is told how many bytes came from where they lie.
    """
    with transfer_errors(name):
        transport = ErrorTranslatingStream(
            _source(path), name, lent=path == STANDARD_INPUT, on_bytes=on_bytes
        )
        return cast(BinaryIO, io.BufferedReader(transport, TOGETHER))


def _source(path: str) -> BinaryIO:
    if path == STANDARD_INPUT:
        return sys.stdin.buffer
    return open_uri(path) if is_uri(path) else Path(path).open("rb")


def peek(stream: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first HEAD bytes, and a stream that still has them."""
    head = b""
    while len(head) < HEAD and (more := stream.read(HEAD - len(head))):
        head += more
    return head, cast(BinaryIO, io.BufferedReader(Rejoined(head, stream)))


def decompress(stream: BinaryIO, compression: Compression | None) -> BinaryIO:
    """The contents of a stream; raises ResourceError [extra-missing] for zstd without it."""
    match compression:
        case None:
            return stream
        case "gzip":
            return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
        case "bz2":
            return cast(BinaryIO, bz2.BZ2File(stream))
        case "xz":
            return cast(BinaryIO, lzma.LZMAFile(stream))
        case "zstd":
            # zstandard's own reader takes a stream that was cut off for one that is at its end
            pyarrow = import_extra("pyarrow", "a file compressed with zstd")
            return cast(BinaryIO, pyarrow.CompressedInputStream(stream, "zstd"))


@contextmanager
def decoding_errors(name: str) -> Iterator[None]:
    """Turn what decompressors say, and the system of memory and disk, into our errors."""
    try:
        with transfer_errors(name):
            try:
                yield
            except OSError as error:
                if error.errno is None:  # a decompressor's or pyarrow's, not the system's
                    raise _damaged(name, error) from error
                raise
    except EOFError as error:
        raise _cut_off(name) from error
    except (zlib.error, lzma.LZMAError) as error:
        raise _damaged(name, error) from error
    except MemoryError as error:
        raise ResourceError(
            "out-of-memory",
            f"there is too little memory to read {name!r}",
            why="what else runs here takes it, or the parts of this file are too large",
            fix="Free memory and try again (a job goes on with --resume), or split the file",
        ) from error


def _cut_off(name: str) -> FormatError:
    return FormatError(
        "file-truncated",
        "it ends early",
        why="the end of its compressed data is not there",
        fix="Download or copy it again",
        where=name,
    )


def _damaged(name: str, error: Exception) -> FormatError:
    if "runcated" in str(error):  # pyarrow's word for it
        return _cut_off(name)
    return FormatError(
        "file-malformed",
        f"it is damaged: {error}",
        why="what follows cannot be read",
        fix="Download or copy it again",
        where=name,
    )


def spool(stream: BinaryIO) -> BinaryIO:
    """The same bytes where any of them can be gone to: on disk, in a file that has no name.

    Raises ResourceError [write-failed] where that has no room, which is no fault of the bytes'.
    """
    where = tempfile.gettempdir()
    with write_errors(where):
        laid = tempfile.TemporaryFile(dir=where)  # noqa: SIM115  # whoever reads it closes it
    while block := stream.read(2**20):
        with write_errors(where):
            laid.write(block)
            laid.flush()
    laid.seek(0)
    return cast(BinaryIO, laid)


def called(name: str) -> str:
    """What messages call a place."""
    if name == STANDARD_INPUT:
        return "standard input"
    return without_account(name) if is_uri(name) else name


def is_stream(name: str) -> bool:
    """Whether what is read there is gone then: standard input, a pipe."""
    if name == STANDARD_INPUT:
        return True
    path = Path(name)
    return path.exists() and not path.is_file() and not path.is_dir()


def file_size(name: str) -> int | None:
    """The size of a file in bytes; None for a stream, whose end is not known."""
    if is_uri(name):
        return uri_size(name)
    return None if is_stream(name) else Path(name).stat().st_size


# What the system says of a file that it will not open tomorrow either.
REFUSALS = (
    *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR),
    *(errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
)


class ErrorTranslatingStream(io.RawIOBase):
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
        on_bytes: Callable[[int], None] | None = None,
    ) -> None:
        self.source = source
        self.name = name
        self.lent = lent
        self.on_bytes = on_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self.source.seekable()

    def seek(self, to: int, whence: int = io.SEEK_SET) -> int:
        with transfer_errors(self.name):
            return self.source.seek(to, whence)

    def tell(self) -> int:
        return self.source.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # bytes go into it
        with transfer_errors(self.name):
            count: int = self.source.readinto(buffer)  # type: ignore[attr-defined]  # all have it
        if self.on_bytes is not None:
            self.on_bytes(count)
        return count

    def close(self) -> None:
        if not self.lent:
            self.source.close()
        super().close()


@contextmanager
def transfer_errors(name: str) -> Iterator[None]:
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
                f"{name!r} could not be read: {first_line(error.strerror or error)}",
                why="its disk or network failed, which says nothing of what is in it",
                fix="Try again when that is well; a job goes on with --resume",
            ) from error


def is_transient(error: AlbertKitError) -> bool:
    """Whether the file may be read another time as it is; else it is bad."""
    return not isinstance(error, FormatError) and error.diagnostic.code != "file-unreadable"
