"""Read a tar archive from front to back, as it is or through gzip: members and their bytes.

Only files and directories are read; links, devices and other kinds of members are refused.
The module tarfile is not used, because its safety depends on the release of Python (infinite loop:
CVE-2025-8194; escapes from filter="data": CVE-2025-4517), and because it reads a header of any size
into memory: with Python 3.11.7 an archive of 1.8 MB takes 420 MB.
Format: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar's long names.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from albertkit.errors import FormatError
from albertkit.fileformats.reader import format_error

TAR_BLOCK = 512  # bytes
CHUNK_BYTES = 1 << 18  # compressed bytes taken at a time
LONGEST_HEADER = 1 << 16  # bytes of a long name, or of pax records
GZIP = b"\x1f\x8b"
FILE, DIRECTORY, PAX, GLOBAL_PAX, LONG_NAME = b"0", b"5", b"x", b"g", b"L"
OLDER_FILES = (b"\0", b"7")
OTHER_KINDS: Final = {
    b"1": "a link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"K": "a link",
    b"S": "a file with holes",
}


@dataclass(frozen=True, slots=True)
class TarMember:
    """A file or directory; take a file's `size` bytes from the stream before the next member."""

    name: str
    size: int
    is_directory: bool


class ArchiveStream:
    """The bytes of an archive in their order, decompressed if it is gzip.

    Attributes:
        name: The file's name, for messages.
        most: The most bytes that may come out; more raise FormatError [archive-too-large].
    """

    def __init__(self, data: memoryview, name: str, most: int) -> None:
        """Start at the first byte."""
        self.name = name
        self.most = most
        self._compressed = data
        self._offset = 0
        self._gzip = zlib.decompressobj(wbits=31) if bytes(data[:2]) == GZIP else None
        self._buffer = b""
        self._total = 0

    def peek(self, count: int) -> bytes:
        """Return the next bytes without taking them; fewer at the end."""
        self._fill(count)
        return self._buffer[:count]

    def take(self, count: int) -> bytes:
        """Take the next bytes; raise FormatError [file-truncated], [file-malformed]."""
        self._fill(count)
        if len(self._buffer) < count:
            self._end_too_early()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def chunks(self, count: int) -> Iterator[bytes]:
        """Take the next bytes in chunks."""
        while count:
            chunk = self.take(min(count, CHUNK_BYTES))
            yield chunk
            count -= len(chunk)

    def finish(self) -> None:
        """Read to the end, where gzip has a checksum of all bytes."""
        while self.peek(CHUNK_BYTES):
            self._buffer = b""
        if self._gzip is not None and not self._gzip.eof:
            self._end_too_early()

    def _fill(self, count: int) -> None:
        """Have `count` bytes in the buffer, fewer only at the end."""
        while len(self._buffer) < count:
            chunk = self._next() if self._gzip is None else self._next_decompressed(self._gzip)
            if not chunk:
                return
            self._total += len(chunk)
            if self._total > self.most:
                raise too_large_error(self.name, self.most)
            self._buffer += chunk

    def _next(self) -> bytes:
        chunk = bytes(self._compressed[self._offset : self._offset + CHUNK_BYTES])
        self._offset += len(chunk)
        return chunk

    def _next_decompressed(self, stream: zlib._Decompress) -> bytes:
        """Decompress some more bytes; none at the end, or if the input ends too early."""
        chunk = b""
        while not chunk and not stream.eof:
            compressed = self._compressed[self._offset : self._offset + CHUNK_BYTES]
            try:
                chunk = stream.decompress(compressed, CHUNK_BYTES)
            except zlib.error as error:
                raise FormatError(
                    "file-malformed",
                    f"it cannot be decompressed: {error}",
                    why="its bytes were changed after it was written",
                    fix="Download it again",
                    where=self.name,
                ) from error
            self._offset += len(compressed) - len(stream.unconsumed_tail) - len(stream.unused_data)
            if not compressed and not chunk:
                break
        if stream.eof and bytes(self._compressed[self._offset : self._offset + 2]) == GZIP:
            self._gzip = zlib.decompressobj(wbits=31)  # another gzip member follows
            return chunk or self._next_decompressed(self._gzip)
        return chunk

    def _end_too_early(self) -> NoReturn:
        raise FormatError(
            "file-truncated",
            "the archive ends in the middle",
            why="its end marks are missing",
            fix="Download it again",
            where=self.name,
        )


def read_tar_members(stream: ArchiveStream) -> Iterator[TarMember]:
    """Read all members.

    Args:
        stream: At the first header. The caller takes each file's `size` bytes from it before the
            next member.

    Yields:
        The members.

    Raises:
        FormatError: [file-malformed], [archive-unsafe], [file-truncated].
    """
    name, size = "", None  # from the headers before a member
    while any(header := stream.take(TAR_BLOCK)):
        _check_sum(header, stream.name)
        kind, length = header[156:157], _read_number(header[124:136], stream.name)
        if kind in (PAX, GLOBAL_PAX, LONG_NAME):
            body = _read_long_header(stream, length)
            if kind == LONG_NAME:
                name = _decode(body.rstrip(b"\0"), stream.name)
            elif kind == PAX:
                name, size = _read_pax(body, name, stream.name)
            continue
        name = name or _read_name(header, stream.name)
        is_directory = kind == DIRECTORY or (kind in OLDER_FILES and name.endswith("/"))
        if not is_directory and kind != FILE and kind not in OLDER_FILES:
            raise unsafe_member_error(
                stream.name,
                f"its member {name[:100]!r} is {OTHER_KINDS.get(kind, f'of the kind {kind!r}')}",
            )
        length = 0 if is_directory else length if size is None else size
        yield TarMember(name, length, is_directory)
        stream.take(-length % TAR_BLOCK)
        name, size = "", None


def is_tar(block: bytes) -> bool:
    """Check whether 512 bytes are a tar archive's first header."""
    return block[257:262] == b"ustar" or (len(block) == TAR_BLOCK and _has_right_sum(block))


def too_large_error(name: str, most: int) -> FormatError:
    """Make the error for an archive that would fill memory or disk."""
    return FormatError(
        "archive-too-large",
        f"its contents have more than {most:,} bytes",
        why="weights cannot be compressed that much, and no ALBERT is larger",
        fix="Unpack it yourself if you trust it, and give the directory",
        where=name,
    )


def unsafe_member_error(name: str, what: str) -> FormatError:
    """Make the error for a member that could be written elsewhere, or whose name is ambiguous."""
    return FormatError(
        "archive-unsafe",
        what,
        why="a model consists of files and directories, each with a plain name of its own",
        fix="Get the model from its authors, or unpack it yourself and give the directory",
        where=name,
    )


def _read_name(header: bytes, where: str) -> str:
    name, prefix = (header[start:end].split(b"\0")[0] for start, end in ((0, 100), (345, 500)))
    is_posix = header[257:263] == b"ustar\0"  # GNU's older form has times instead of the prefix
    return _decode(prefix + b"/" + name if prefix and is_posix else name, where)


def _decode(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _format_error(f"the name {raw[:100]!r} is not UTF-8", where) from error


def _read_number(field: bytes, where: str) -> int:
    """Read octal digits; or, as GNU tar writes large numbers, 95 bits after a first bit of 1."""
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & ((1 << 95) - 1)
    digits = field.strip(b" \0") or b"0"
    if not digits.isdigit() or digits.strip(b"01234567"):
        raise _format_error(f"a size is {field!r}", where)
    return int(digits, 8)


def _check_sum(header: bytes, where: str) -> None:
    if not _has_right_sum(header):
        raise _format_error("a member's header does not match its checksum", where)


def _has_right_sum(header: bytes) -> bool:
    digits = header[148:156].strip(b" \0")
    if not digits.isdigit() or digits.strip(b"01234567"):
        return False
    return int(digits, 8) == sum(header[:148]) + 8 * ord(" ") + sum(header[156:])


def _read_long_header(stream: ArchiveStream, length: int) -> bytes:
    if length > LONGEST_HEADER:
        raise _format_error(f"a member's header has {length:,} bytes", stream.name)
    body = stream.take(length)
    stream.take(-length % TAR_BLOCK)
    return body


def _read_pax(body: bytes, name: str, where: str) -> tuple[str, int | None]:
    """Read name and size from pax records, each `<length> <key>=<value>` and a line feed."""
    size = None
    while body:
        digits, _, _ = body[:8].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record, body = body[len(digits) + 1 : length], body[length:]
        key, equals, value = record.removesuffix(b"\n").partition(b"=")
        if not equals or not record.endswith(b"\n"):
            raise _format_error("a member's header has a broken record", where)
        if key == b"path":
            name = _decode(value, where)
        elif key == b"size" and value.isdigit():
            size = int(value[:30])
        elif key.startswith(b"GNU.sparse"):
            raise unsafe_member_error(where, "one of its files has holes")
    return name, size


def _format_error(what: str, where: str) -> FormatError:
    return format_error(what, why="this is not valid in a tar archive", where=where)
