"""Open files and standard input as streams of bytes: decompressed, transcoded, with our errors.

No file is ever held in memory as a whole. A failure of the disk or the network is not an error of
the file: it ends the reading, and no row is marked as invalid for it.
"""

from __future__ import annotations

import bz2
import codecs
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
from albertkit.errors.exceptions import take_first_line
from albertkit.fileformats.atomic import write_errors
from albertkit.fileformats.reader import read_errors
from albertkit.tables.filesystems.remote import hide_account, is_uri, measure_uri, open_uri
from albertkit.tables.formats import HEAD_BYTES, Compression

STANDARD_INPUT = "-"
BUFFER = 2**17  # bytes of one read, which for an object store is one request

# Errors of the system that will be the same tomorrow.
PERMANENT_ERRORS = (
    *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR),
    *(errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
)


class ErrorTranslatingStream(io.RawIOBase):
    """A file's bytes, whose read errors are ours before any decoder sees them.

    Decoders, pyarrow's too, let our errors through.
    """

    def __init__(
        self,
        source: BinaryIO,
        name: str,
        *,
        borrowed: bool = False,
        on_bytes: Callable[[int], None] | None = None,
    ) -> None:
        """Wrap an open file.

        Args:
            source: Where the bytes come from.
            name: The file's name, for messages.
            borrowed: Leave the source open at the end.
            on_bytes: Called with the number of bytes of each read.
        """
        self.source = source
        self.name = name
        self.borrowed = borrowed
        self.on_bytes = on_bytes
        # what is there, without waiting until a slow pipe has filled the buffer
        self._read = cast(
            Callable[[memoryview], int],
            getattr(source, "readinto1", None) or getattr(source, "readinto", None),
        )

    def readable(self) -> bool:
        """See io.IOBase."""
        return True

    def seekable(self) -> bool:
        """See io.IOBase."""
        return self.source.seekable()

    def seek(self, to: int, whence: int = io.SEEK_SET) -> int:
        """See io.IOBase."""
        with transfer_errors(self.name):
            return self.source.seek(to, whence)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed: Buffer
        """See io.RawIOBase."""
        with transfer_errors(self.name):
            count = self._read(buffer)
        if self.on_bytes is not None:
            self.on_bytes(count)
        return count

    def close(self) -> None:
        """See io.IOBase."""
        if not self.borrowed:
            self.source.close()
        super().close()


class PeekedStream(io.RawIOBase):
    """A stream whose head was read already, from its beginning."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        """Put the head before the rest."""
        self.head = memoryview(head)
        self.rest = rest

    def readable(self) -> bool:
        """See io.IOBase."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed: Buffer
        """See io.RawIOBase."""
        block: bytes | memoryview = self.head[: len(buffer)]
        self.head = self.head[len(buffer) :]
        if not block:
            block = read_some(self.rest, len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """See io.IOBase."""
        self.rest.close()
        super().close()


class Utf8Stream(io.RawIOBase):
    """A text in another encoding, as UTF-8."""

    def __init__(self, source: BinaryIO, encoding: str, name: str) -> None:
        """Start decoding at the beginning.

        Args:
            source: The encoded bytes.
            encoding: The encoding's name in Python.
            name: The file's name, for messages.
        """
        self.source = source
        self.encoding = encoding
        self.name = name
        decoder = codecs.getincrementaldecoder(encoding)()
        self._decoder: codecs.IncrementalDecoder | io.IncrementalNewlineDecoder = decoder
        self._block = memoryview(b"")
        self._is_end = False

    def readable(self) -> bool:
        """See io.IOBase."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed: Buffer
        """See io.RawIOBase.

        Raises:
            FormatError: [encoding-mismatch].
        """
        while not self._block and not self._is_end:
            data = read_some(self.source, BUFFER)
            self._is_end = not data
            self._block = memoryview(self._decode(data))
        count = min(len(buffer), len(self._block))
        buffer[:count] = self._block[:count]
        self._block = self._block[count:]
        return count

    def _decode(self, data: bytes) -> bytes:
        try:
            return self._decoder.decode(data, final=not data).encode()
        except UnicodeError as error:  # of UTF-16 without a BOM it is none of the two subclasses
            raise FormatError(
                "encoding-mismatch",
                f"the file is not {self.encoding}: {getattr(error, 'reason', error)}",
                why="its bytes cannot be decoded in that encoding",
                fix="Name another encoding with --encoding",
                where=self.name,
            ) from error

    def close(self) -> None:
        """See io.IOBase."""
        self.source.close()
        super().close()


class NewlineStream(Utf8Stream):
    r"""The same bytes with "\n" in place of each "\r\n" and each other "\r"."""

    def __init__(self, source: BinaryIO, name: str) -> None:
        """Start at the beginning.

        Args:
            source: The bytes.
            name: The file's name, for messages.
        """
        super().__init__(source, "latin-1", name)  # each byte is a character
        decoder = codecs.getincrementaldecoder(self.encoding)()
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)

    def _decode(self, data: bytes) -> bytes:
        return self._decoder.decode(data, final=not data).encode("latin-1")


def open_input(path: str, name: str, on_bytes: Callable[[int], None] | None = None) -> BinaryIO:
    """Open a file, a URI or standard input.

    Args:
        path: A path, a URI, or "-".
        name: The file's name, for messages.
        on_bytes: Called with the number of bytes of each read.

    Raises:
        ResourceError: [file-unreadable], [filesystem-unreachable].
    """
    with transfer_errors(name):
        source = _open_source(path)
        stream = ErrorTranslatingStream(
            source, name, borrowed=path == STANDARD_INPUT, on_bytes=on_bytes
        )
        return cast(BinaryIO, io.BufferedReader(stream, BUFFER))


def _open_source(path: str) -> BinaryIO:
    if path == STANDARD_INPUT:
        return sys.stdin.buffer
    return open_uri(path) if is_uri(path) else Path(path).open("rb")


def read_some(stream: BinaryIO, size: int) -> bytes:
    """Read up to `size` bytes without waiting for more than there are; b"" only at the end."""
    data: bytes = cast(io.BufferedReader, stream).read1(size)
    return data


def peek(stream: BinaryIO, *, is_live: bool = False) -> tuple[bytes, BinaryIO]:
    """Read a stream's first HEAD_BYTES bytes, and give a stream that still has them.

    Args:
        stream: What is read.
        is_live: Whether lines may come slowly: the first that is not a JSON is then enough.
    """
    head = b""
    while len(head) < HEAD_BYTES and (block := read_some(stream, HEAD_BYTES - len(head))):
        head += block
        # columns of JSON lines have their types from all rows of the head
        if is_live and b"\n" in head and not head.lstrip().startswith(b"{"):
            break
    return head, cast(BinaryIO, io.BufferedReader(PeekedStream(head, stream)))


def decompress(stream: BinaryIO, compression: Compression | None) -> BinaryIO:
    """The contents of a stream; raises ResourceError [extra-missing] for zstd without pyarrow."""
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
            # zstandard's own reader takes a truncated stream for a complete one
            pyarrow = import_extra("pyarrow", "a file compressed with zstd")
            return cast(BinaryIO, pyarrow.CompressedInputStream(stream, "zstd"))


def transcode(stream: BinaryIO, encoding: str, name: str) -> BinaryIO:
    """The text of a stream as UTF-8; name: of the file, for messages."""
    if encoding == "utf-8":
        return stream
    return cast(BinaryIO, io.BufferedReader(Utf8Stream(stream, encoding, name), BUFFER))


def convert_newlines(stream: BinaryIO, name: str) -> BinaryIO:
    r"""The bytes of a stream with "\n" as the only line end; name: of the file, for messages."""
    return cast(BinaryIO, io.BufferedReader(NewlineStream(stream, name), BUFFER))


def spool(stream: BinaryIO) -> BinaryIO:
    """Copy a stream into a temporary file, which can be read from any offset.

    Raises:
        ResourceError: [write-failed] if the disk has no room.
    """
    directory = tempfile.gettempdir()
    with write_errors(directory):
        file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115  # the caller closes it
    while block := stream.read(2**20):
        with write_errors(directory):
            file.write(block)
            file.flush()
    file.seek(0)
    return cast(BinaryIO, file)


def make_display_name(name: str) -> str:
    """The name of a path, URI or standard input in messages, without an account's password."""
    if name == STANDARD_INPUT:
        return "standard input"
    return hide_account(name) if is_uri(name) else name


def make_name_cell(name: str) -> str:
    r"""The same as a cell of a table, which is UTF-8: other bytes of the name become \udcff."""
    return make_display_name(name).encode(errors="backslashreplace").decode()


def is_stream(name: str) -> bool:
    """Whether its bytes can be read only once: standard input, a pipe."""
    if name == STANDARD_INPUT:
        return True
    path = Path(name)
    return path.exists() and not path.is_file() and not path.is_dir()


def measure_file(name: str) -> int | None:
    """The size of a file in bytes; None for a stream, whose end is unknown."""
    if is_uri(name):
        return measure_uri(name)
    return None if is_stream(name) else Path(name).stat().st_size


@contextmanager
def transfer_errors(name: str) -> Iterator[None]:
    """Translate the errors of the system and the network.

    Raises:
        ResourceError: [file-unreadable] for PERMANENT_ERRORS, [filesystem-unreachable] for
            transient ones.
    """
    with read_errors(name):
        try:
            yield
        except OSError as error:
            if error.errno in PERMANENT_ERRORS:
                raise
            raise ResourceError(
                "filesystem-unreachable",
                f"{name!r} could not be read: {take_first_line(error.strerror or str(error))}",
                why="the disk or the network failed, the file itself may be intact",
                fix="Retry once they are available; a job goes on with --resume",
            ) from error


def is_transient(error: AlbertKitError) -> bool:
    """Whether the file may be read another time as it is; else it is invalid."""
    return not isinstance(error, FormatError) and error.diagnostic.code != "file-unreadable"


@contextmanager
def decoding_errors(name: str) -> Iterator[None]:
    """Translate the errors of decompressors and decoders, and those of `transfer_errors`.

    Raises:
        FormatError: [file-truncated], [file-malformed].
        ResourceError: [out-of-memory], and those of `transfer_errors`.
    """
    try:
        with transfer_errors(name):
            try:
                yield
            except OSError as error:
                if error.errno is None:  # of a decompressor or pyarrow, not of the system
                    raise _damage_error(name, error) from error
                raise
    except EOFError as error:
        raise _truncation_error(name) from error
    except (zlib.error, lzma.LZMAError) as error:
        raise _damage_error(name, error) from error
    except MemoryError as error:
        raise ResourceError(
            "out-of-memory",
            f"there is not enough memory to read {name!r}",
            why="other programs use it, or the parts of this file are too large",
            fix="Free memory and try again (a job goes on with --resume), or split the file",
        ) from error


def _truncation_error(name: str) -> FormatError:
    return FormatError(
        "file-truncated",
        "the file ends too early",
        why="the end of its compressed data is missing",
        fix="Download or copy it again",
        where=name,
    )


def _damage_error(name: str, error: Exception) -> FormatError:
    if "runcated" in str(error):  # pyarrow's word for it
        return _truncation_error(name)
    return FormatError(
        "file-malformed",
        f"the file is damaged: {take_first_line(error)}",
        why="what follows cannot be read",
        fix="Download or copy it again",
        where=name,
    )
