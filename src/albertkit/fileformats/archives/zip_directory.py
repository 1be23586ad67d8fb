"""Read the directory of a zip file: its members and the offsets of their bytes.

Nothing is unpacked here. The directory and the members' own headers must agree, and no two members
may share a byte: otherwise two programs could read one file differently, or a small file could
unpack without end.
Format: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3 (zip64).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

from albertkit.errors import FormatError
from albertkit.fileformats.reader import ByteReader, format_error

STORED, DEFLATED = 0, 8  # methods, by their numbers in the file

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END_64, LOCATOR_64 = b"PK\x06\x06", b"PK\x06\x07"
# Fields between the signature and the names and comments.
LOCAL_FIELDS = struct.Struct("<5H3I2H")
CENTRAL_FIELDS = struct.Struct("<6H3I5H2I")
END_FIELDS = struct.Struct("<4H2IH")
END_64_FIELDS = struct.Struct("<Q2H2I4Q")
LOCATOR_64_FIELDS = struct.Struct("<IQI")
LONGEST_COMMENT = 0xFFFF
IN_ZIP64 = 0xFFFFFFFF  # the value is in the extra field of zip64
ZIP64_EXTRA = 1
ENCRYPTED, UTF8 = 1, 1 << 11  # bits of the flags
UNIX = 3  # the system whose attributes hold a mode
KIND = "a zip file"


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One member: its packed bytes are [start, end) of the file, after a header of its own.

    Attributes:
        name: As the file gives it; not safe as a path.
        method: How it is compressed, STORED or DEFLATED or another number.
        header: Offset of its own header.
        start: Offset of its first packed byte.
        end: Offset after its last packed byte.
        size: Bytes when unpacked.
        crc: CRC-32 of the unpacked bytes.
        mode: Unix mode; 0 if the archive was made on another system.
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
    """Check whether a file begins as a zip file does, empty ones included."""
    return bytes(data[:4]) in (LOCAL, END)


def read_zip_directory(data: memoryview, name: str) -> tuple[ZipMember, ...]:
    """Read all members of a file.

    Args:
        data: The whole file.
        name: The file's name, for messages.

    Returns:
        The members, in the order of their bytes in the file.

    Raises:
        FormatError: [file-truncated], [file-malformed]; [file-wrong-format] for encrypted members.
    """
    start, size, count = _find_directory(data, name)
    reader = ByteReader(data[: start + size], name, start, kind=KIND)
    members = [_read_member(reader, data[:start]) for _ in range(count)]
    if reader.remaining:
        raise _format_error(
            f"its directory has {reader.remaining} bytes after the last member", name
        )
    members.sort(key=lambda member: member.header)
    for before, after in pairwise(members):
        if before.end > after.header:
            raise _format_error(f"{before.name!r} and {after.name!r} share bytes", name)
    return tuple(members)


def _find_directory(data: memoryview, name: str) -> tuple[int, int, int]:
    """Find the directory: its offset, its size in bytes, its number of members."""
    end = _find_end_record(data, name)
    reader = ByteReader(data, name, end + 4)
    disk, first_disk, here, count, size, start, _ = END_FIELDS.unpack(reader.take(END_FIELDS.size))
    locator = end - 4 - LOCATOR_64_FIELDS.size
    if locator >= 0 and bytes(data[locator : locator + 4]) == LOCATOR_64:
        end, disk, first_disk, here, count, size, start = _read_zip64_end(data, locator, name)
    if disk or first_disk or here != count:
        raise _format_error("it is one part of an archive in several files", name)
    if start + size != end:
        raise _format_error(f"its directory ends at byte {start + size}, expected was {end}", name)
    if count > size // (4 + CENTRAL_FIELDS.size):
        raise _format_error(f"its directory of {size} bytes cannot hold {count} members", name)
    return start, size, count


def _find_end_record(data: memoryview, name: str) -> int:
    """Find the end record, whose comment must reach to the file's last byte."""
    shortest = 4 + END_FIELDS.size
    first = max(0, len(data) - shortest - LONGEST_COMMENT)
    tail = bytes(data[first:])
    offset = tail.rfind(END, 0, max(len(tail) - shortest + 4, 0))
    while offset >= 0:
        (comment,) = struct.unpack_from("<H", tail, offset + shortest - 2)
        if offset + shortest + comment == len(tail):
            return first + offset
        offset = tail.rfind(END, 0, offset)
    raise FormatError(
        "file-truncated",
        "the zip file has no directory at its end",
        why="a zip file ends with the list of its members",
        fix="Download or copy it again",
        where=name,
    )


def _read_zip64_end(
    data: memoryview, locator: int, name: str
) -> tuple[int, int, int, int, int, int, int]:
    """Read the offset and the fields of the end record of zip64, which the locator points to."""
    _, end, _ = LOCATOR_64_FIELDS.unpack_from(data, locator + 4)
    if end + 4 + END_64_FIELDS.size > locator or bytes(data[end : end + 4]) != END_64:
        raise _format_error("its locator does not point to an end record of zip64", name)
    _, _, _, disk, first_disk, here, count, size, start = END_64_FIELDS.unpack_from(data, end + 4)
    return end, disk, first_disk, here, count, size, start


def _read_member(reader: ByteReader, data: memoryview) -> ZipMember:
    """Read the next member of the directory; `data` is all that precedes the directory."""
    if bytes(reader.take(4, "directory")) != CENTRAL:
        raise _format_error("its directory has fewer members than it says", reader.name)
    fields = CENTRAL_FIELDS.unpack(reader.take(CENTRAL_FIELDS.size, "directory"))
    maker, _, flags, method, _, _, crc, packed, size, *rest = fields
    name_length, extra_length, comment_length, _, _, attributes, header = rest
    name = _decode(bytes(reader.take(name_length, "directory")), flags)
    wide = _read_zip64_numbers(bytes(reader.take(extra_length, "directory")))
    reader.take(comment_length, "directory")
    if flags & ENCRYPTED:
        raise FormatError(
            "file-wrong-format",
            f"its member {name!r} is encrypted",
            why="no published model is encrypted",
            fix="Unpack it with its password first",
            where=reader.name,
        )
    if (size, packed, header).count(IN_ZIP64) > len(wide):
        raise _format_error(f"its member {name!r} lacks its numbers of zip64", reader.name)
    left = iter(wide)
    size, packed, header = (next(left) if n == IN_ZIP64 else n for n in (size, packed, header))
    if method == STORED and packed != size:
        raise _format_error(f"{name!r} is stored in {packed} bytes and has {size}", reader.name)
    start = _find_start(data, header, name, method, reader.name)
    if packed > len(data) - start:
        raise _format_error(f"{name!r} reaches into the directory", reader.name)
    mode = attributes >> 16 if maker >> 8 == UNIX else 0
    return ZipMember(name, method, header, start, start + packed, size, crc, mode)


def _find_start(data: memoryview, header: int, name: str, method: int, where: str) -> int:
    """Find the first byte of a member, after its own header, which must agree."""
    name_start = header + 4 + LOCAL_FIELDS.size
    if name_start > len(data) or bytes(data[header : header + 4]) != LOCAL:
        raise _format_error(f"{name!r} is not at the offset that its directory gives", where)
    fields = LOCAL_FIELDS.unpack_from(data, header + 4)
    flags, own_method, name_length, extra_length = fields[1], fields[2], fields[-2], fields[-1]
    own_name = _decode(bytes(data[name_start : name_start + name_length]), flags)
    if (own_name, own_method) != (name, method):
        raise _format_error(f"{name!r} has the name {own_name!r} in its own header", where)
    return name_start + int(name_length) + int(extra_length)


def _decode(raw: bytes, flags: int) -> str:
    return raw.decode("utf-8" if flags & UTF8 else "cp437", errors="replace")


def _read_zip64_numbers(extra: bytes) -> tuple[int, ...]:
    """Read the 64-bit numbers of the extra field, which has only those that need 64 bits."""
    offset = 0
    while offset + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, offset)
        body = extra[offset + 4 : offset + 4 + length]
        if kind == ZIP64_EXTRA:
            return struct.unpack(f"<{len(body) // 8}Q", body[: len(body) // 8 * 8])
        offset += 4 + length
    return ()


def _format_error(what: str, name: str) -> FormatError:
    why = "a zip file's directory must agree with its members"
    return format_error(what, why=why, where=name)
