"""Read a tar archive from front to back: members' names and sizes, and their bytes as they pass.

In: blocks of 512 bytes, from a file or through gzip. Out: files and folders, one after another.
Links, devices and whatever else a model does not consist of are refused.
Format: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar's long names.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from albertkit.errors import FormatError

BLOCK = 512
CHUNK = 1 << 18  # packed bytes taken at a time
LONGEST_HEADER = 1 << 16  # of a name that doesn't fit, and of pax records
GZIP = b"\x1f\x8b"
FILE, FOLDER, PAX, PAX_FOR_ALL, LONG_NAME = b"0", b"5", b"x", b"g", b"L"
OLDER_FILES = (b"\0", b"7")
OTHERS: Final = {
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
    """A file or a folder; a file's bytes are taken from the stream before the next member."""

    name: str
    size: int
    is_folder: bool


class Unpacking:
    """The bytes of a file as they come, unzipped where it begins as gzip does.

    most: bytes that may come out; more raise FormatError [archive-too-large].
    """

    def __init__(self, data: memoryview, name: str, most: int) -> None:
        self.name = name
        self.most = most
        self._packed = data
        self._at = 0
        self._gzip = zlib.decompressobj(wbits=31) if bytes(data[:2]) == GZIP else None
        self._ready = b""
        self._given = 0

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, which stay; fewer at the end."""
        self._fill(count)
        return self._ready[:count]

    def take(self, count: int) -> bytes:
        """The next `count` bytes; raises FormatError [file-truncated], [file-malformed]."""
        self._fill(count)
        if len(self._ready) < count:
            self._ends_early()
        found, self._ready = self._ready[:count], self._ready[count:]
        return found

    def chunks(self, count: int) -> Iterator[bytes]:
        """The next `count` bytes in parts of some size."""
        while count:
            part = self.take(min(count, CHUNK))
            yield part
            count -= len(part)

    def finish(self) -> None:
        """Read to the end, so that a checksum there is compared."""
        while self.peek(CHUNK):
            self._ready = b""
        if self._gzip is not None and not self._gzip.eof:
            self._ends_early()

    def _fill(self, count: int) -> None:
        """Make `count` bytes ready, fewer only at the end."""
        while len(self._ready) < count:
            part = self._next() if self._gzip is None else self._next_unzipped(self._gzip)
            if not part:
                return
            self._given += len(part)
            if self._given > self.most:
                raise too_large(self.name, self.most)
            self._ready += part

    def _next(self) -> bytes:
        part = bytes(self._packed[self._at : self._at + CHUNK])
        self._at += len(part)
        return part

    def _next_unzipped(self, stream: zlib._Decompress) -> bytes:
        """Some more bytes; none at the end, or where the packed ones end too early."""
        found = b""
        while not found and not stream.eof:
            packed = self._packed[self._at : self._at + CHUNK]
            try:
                found = stream.decompress(packed, CHUNK)
            except zlib.error as error:
                raise FormatError(
                    "file-malformed",
                    f"it cannot be unpacked: {error}",
                    why="its bytes were changed on the way",
                    fix="Download it again",
                    where=self.name,
                ) from error
            self._at += len(packed) - len(stream.unconsumed_tail) - len(stream.unused_data)
            if not packed and not found:
                break
        if stream.eof and bytes(self._packed[self._at : self._at + 2]) == GZIP:
            self._gzip = zlib.decompressobj(wbits=31)  # several may stand one after another
            return found or self._next_unzipped(self._gzip)
        return found

    def _ends_early(self) -> NoReturn:
        raise FormatError(
            "file-truncated",
            "the archive ends in the middle",
            why="its end marks are missing",
            fix="Download it again",
            where=self.name,
        )


def tar_members(stream: Unpacking) -> Iterator[TarMember]:
    """All members. The caller takes each file's `size` bytes from `stream` before the next one.

    Raises FormatError [file-malformed], [archive-unsafe], [file-truncated].
    """
    name, size = "", None  # what the headers before a member say of it
    while any(header := stream.take(BLOCK)):
        _check_sum(header, stream.name)
        kind, length = header[156:157], _number(header[124:136], stream.name)
        if kind in (PAX, PAX_FOR_ALL, LONG_NAME):
            body = _long_header(stream, length)
            if kind == LONG_NAME:
                name = _text(body.rstrip(b"\0"), stream.name)
            elif kind == PAX:
                name, size = _pax(body, name, stream.name)
            continue
        name = name or _name(header, stream.name)
        is_folder = kind == FOLDER or (kind in OLDER_FILES and name.endswith("/"))
        if not is_folder and kind != FILE and kind not in OLDER_FILES:
            raise unsafe(
                stream.name,
                f"its member {name[:100]!r} is {OTHERS.get(kind, f'of the kind {kind!r}')}",
            )
        length = 0 if is_folder else length if size is None else size
        yield TarMember(name, length, is_folder)
        stream.take(-length % BLOCK)
        name, size = "", None


def is_tar(begins: bytes) -> bool:
    """Whether 512 bytes are a tar archive's first header."""
    return begins[257:262] == b"ustar" or (len(begins) == BLOCK and _sum_agrees(begins))


def too_large(name: str, most: int) -> FormatError:
    """The error for an archive that would fill memory or disk."""
    return FormatError(
        "archive-too-large",
        f"its contents have more than {most:,} bytes",
        why="that is more than weights can be packed, or more than any ALBERT has",
        fix="Unpack it yourself if you trust it, and give the directory",
        where=name,
    )


def unsafe(name: str, what: str) -> FormatError:
    """The error for what could write elsewhere, or leaves unsaid what is to be written."""
    return FormatError(
        "archive-unsafe",
        what,
        why="a model consists of some files and folders, each with a plain name of its own",
        fix="Take the model from its makers, or unpack it yourself and give the directory",
        where=name,
    )


def _name(header: bytes, where: str) -> str:
    name, prefix = (header[start:end].split(b"\0")[0] for start, end in ((0, 100), (345, 500)))
    is_posix = header[257:263] == b"ustar\0"  # GNU's older form has times where the prefix is
    return _text(prefix + b"/" + name if prefix and is_posix else name, where)


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(where, f"the name {raw[:100]!r} is no UTF-8") from error


def _number(field: bytes, where: str) -> int:
    """Octal digits; or, since GNU tar, 95 bits after a first one that is set."""
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & ((1 << 95) - 1)
    digits = field.strip(b" \0") or b"0"
    if not digits.isdigit() or digits.strip(b"01234567"):
        raise _malformed(where, f"a size is {field!r}")
    return int(digits, 8)


def _check_sum(header: bytes, where: str) -> None:
    if not _sum_agrees(header):
        raise _malformed(where, "a member's header disagrees with its checksum")


def _sum_agrees(header: bytes) -> bool:
    digits = header[148:156].strip(b" \0")
    if not digits.isdigit() or digits.strip(b"01234567"):
        return False
    return int(digits, 8) == sum(header[:148]) + 8 * ord(" ") + sum(header[156:])


def _long_header(stream: Unpacking, length: int) -> bytes:
    if length > LONGEST_HEADER:
        raise _malformed(stream.name, f"a member's header has {length:,} bytes")
    body = stream.take(length)
    stream.take(-length % BLOCK)
    return body


def _pax(body: bytes, name: str, where: str) -> tuple[str, int | None]:
    """The name and size that pax records give: `<length> <key>=<value>` and a line's end each."""
    size = None
    while body:
        digits, _, _ = body[:8].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record, body = body[len(digits) + 1 : length], body[length:]
        key, equals, value = record.removesuffix(b"\n").partition(b"=")
        if not equals or not record.endswith(b"\n"):
            raise _malformed(where, "a member's header has a broken record")
        if key == b"path":
            name = _text(value, where)
        elif key == b"size" and value.isdigit():
            size = int(value[:30])
        elif key.startswith(b"GNU.sparse"):
            raise unsafe(where, "one of its files has holes")
    return name, size


def _malformed(where: str, what: str) -> FormatError:
    return FormatError(
        "file-malformed",
        what,
        why="no program writes such a tar archive",
        fix="Download it again",
        where=where,
    )
