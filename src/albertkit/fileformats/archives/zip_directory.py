"""The directory of a zip file: which members it has, and where their bytes lie.

In: the bytes of a whole file. Out: its members, in the order in which they lie in the file;
nothing is unpacked here. Directory and local headers must tell the same, and no two members may
share a byte: files that two readers read differently, and bombs, live by these gaps.
Format: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3 (zip64).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

from albertkit.errors import FormatError
from albertkit.fileformats.reader import ByteReader

STORED, DEFLATED = 0, 8  # methods, by their numbers in the file

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END_64, LOCATOR_64 = b"PK\x06\x06", b"PK\x06\x07"
# Fields after the signature, without the names and comments that follow.
LOCAL_FIELDS = struct.Struct("<5H3I2H")
CENTRAL_FIELDS = struct.Struct("<6H3I5H2I")
END_FIELDS = struct.Struct("<4H2IH")
END_64_FIELDS = struct.Struct("<Q2H2I4Q")
LOCATOR_64_FIELDS = struct.Struct("<IQI")
LONGEST_COMMENT = 0xFFFF
IN_ZIP64 = 0xFFFFFFFF  # the value stands in the extra field of zip64
ZIP64_EXTRA = 1
ENCRYPTED, UTF8 = 1, 1 << 11  # bits of the flags
UNIX = 3  # the maker of an archive whose attributes hold a mode


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its packed bytes are [start, end) of the file, after a header of its own.

    size: in bytes, unpacked. mode: of Unix, 0 where the archive was made elsewhere.
    """

    name: str
    method: int
    header: int
    start: int
    end: int
    size: int
    crc: int
    mode: int


def is_zip(data: memoryview) -> bool:
    """Whether a file begins as a zip file does, empty ones included."""
    return bytes(data[:4]) in (LOCAL, END)


def read_zip_directory(data: memoryview, name: str) -> tuple[Member, ...]:
    """All members of a file.

    Raises FormatError [file-truncated], [file-malformed]; [file-wrong-format] for encrypted
    members.
    """
    at, size, count = _directory_place(data, name)
    reader = ByteReader(data[: at + size], name, at)
    found = [_member(reader, data[:at]) for _ in range(count)]
    if reader.left:
        raise _malformed(name, f"its directory has {reader.left} bytes after the last member")
    found.sort(key=lambda member: member.header)
    for before, after in pairwise(found):
        if before.end > after.header:
            raise _malformed(name, f"{before.name!r} and {after.name!r} share bytes")
    return tuple(found)


def _directory_place(data: memoryview, name: str) -> tuple[int, int, int]:
    """Where the directory begins, its size in bytes, its number of members."""
    end = _end_record(data, name)
    reader = ByteReader(data, name, end + 4)
    disk, first_disk, here, count, size, at, _ = END_FIELDS.unpack(reader.take(END_FIELDS.size))
    locator = end - 4 - LOCATOR_64_FIELDS.size
    if locator >= 0 and bytes(data[locator : locator + 4]) == LOCATOR_64:
        end, disk, first_disk, here, count, size, at = _end_of_zip64(data, locator, name)
    if disk or first_disk or here != count:
        raise _malformed(name, "it is one part of an archive in several files")
    if at + size != end:
        raise _malformed(name, f"its directory ends at byte {at + size}, expected was {end}")
    if count > size // (4 + CENTRAL_FIELDS.size):
        raise _malformed(name, f"its directory of {size} bytes promises {count} members")
    return at, size, count


def _end_record(data: memoryview, name: str) -> int:
    """Where the end record begins: its comment reaches to the file's last byte."""
    shortest = 4 + END_FIELDS.size
    first = max(0, len(data) - shortest - LONGEST_COMMENT)
    tail = bytes(data[first:])
    found = tail.rfind(END, 0, max(len(tail) - shortest + 4, 0))
    while found >= 0:
        (comment,) = struct.unpack_from("<H", tail, found + shortest - 2)
        if found + shortest + comment == len(tail):
            return first + found
        found = tail.rfind(END, 0, found)
    raise FormatError(
        "file-truncated",
        "the zip file has no directory at its end",
        why="a zip file ends with the list of its members",
        fix="Download or copy it again",
        where=name,
    )


def _end_of_zip64(
    data: memoryview, locator: int, name: str
) -> tuple[int, int, int, int, int, int, int]:
    _, at, _ = LOCATOR_64_FIELDS.unpack_from(data, locator + 4)
    if at + 4 + END_64_FIELDS.size > locator or bytes(data[at : at + 4]) != END_64:
        raise _malformed(name, "its end record of zip64 is not where it should be")
    _, _, _, disk, first_disk, here, count, size, start = END_64_FIELDS.unpack_from(data, at + 4)
    return at, disk, first_disk, here, count, size, start


def _member(reader: ByteReader, data: memoryview) -> Member:
    """The next member of the directory.

    data: what lies before the directory.
    """
    if bytes(reader.take(4, "directory")) != CENTRAL:
        raise _malformed(reader.name, "its directory does not hold as many members as it says")
    fields = CENTRAL_FIELDS.unpack(reader.take(CENTRAL_FIELDS.size, "directory"))
    maker, _, flags, method, _, _, crc, packed, size, *rest = fields
    name_length, extra_length, comment_length, _, _, attributes, header = rest
    name = _text(bytes(reader.take(name_length, "directory")), flags)
    wide = _zip64_numbers(bytes(reader.take(extra_length, "directory")))
    reader.take(comment_length, "directory")
    if flags & ENCRYPTED:
        raise FormatError(
            "file-wrong-format",
            f"its member {name!r} is encrypted",
            why="no published model is",
            fix="Unpack it with its password first",
            where=reader.name,
        )
    if (size, packed, header).count(IN_ZIP64) > len(wide):
        raise _malformed(reader.name, f"its member {name!r} lacks its numbers of zip64")
    left = iter(wide)
    size, packed, header = (next(left) if n == IN_ZIP64 else n for n in (size, packed, header))
    if method == STORED and packed != size:
        raise _malformed(reader.name, f"{name!r} is stored in {packed} bytes and has {size}")
    start = _start(data, header, name, method, reader.name)
    if packed > len(data) - start:
        raise _malformed(reader.name, f"{name!r} reaches into the directory")
    mode = attributes >> 16 if maker >> 8 == UNIX else 0
    return Member(name, method, header, start, start + packed, size, crc, mode)


def _start(data: memoryview, header: int, name: str, method: int, where: str) -> int:
    """Where a member's bytes begin, behind its own header, which must tell the same."""
    at = header + 4 + LOCAL_FIELDS.size
    if at > len(data) or bytes(data[header : header + 4]) != LOCAL:
        raise _malformed(where, f"{name!r} is not where its directory says")
    fields = LOCAL_FIELDS.unpack_from(data, header + 4)
    flags, own_method, name_length, extra_length = fields[1], fields[2], fields[-2], fields[-1]
    own_name = _text(bytes(data[at : at + name_length]), flags)
    if (own_name, own_method) != (name, method):
        raise _malformed(where, f"{name!r} is called {own_name!r} in its own header")
    return at + int(name_length) + int(extra_length)


def _text(raw: bytes, flags: int) -> str:
    return raw.decode("utf-8" if flags & UTF8 else "cp437", errors="replace")


def _zip64_numbers(extra: bytes) -> tuple[int, ...]:
    """The 64-bit numbers of the extra field: only those are there that need it."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        body = extra[at + 4 : at + 4 + length]
        if kind == ZIP64_EXTRA:
            return struct.unpack(f"<{len(body) // 8}Q", body[: len(body) // 8 * 8])
        at += 4 + length
    return ()


def _malformed(name: str, what: str) -> FormatError:
    return FormatError(
        "file-malformed",
        what,
        why="a zip file's directory must agree with its members",
        fix="Download or write the file again",
        where=name,
    )
