"""zipfile is the oracle: the same members, and their bytes where we say."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albertkit.errors import AlbertKitError, FormatError
from albertkit.fileformats.archives.zip_directory import DEFLATED, read_zip_directory

MEMBERS = {"a/config.json": b"{}" * 40, "a/ä.bin": bytes(range(200)), "a/": b"", "empty": b""}


def archive(method: int = zipfile.ZIP_DEFLATED, *, comment: bytes = b"") -> bytearray:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in MEMBERS.items():
            file.writestr(name, data)
        file.comment = comment
    return bytearray(out.getvalue())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("comment", [b"", b"PK\x05\x06 in a comment"])
def test_members_are_at_the_offsets_of_the_directory(method: int, comment: bytes) -> None:
    data = archive(method, comment=comment)
    members = read_zip_directory(memoryview(data), "a.zip")
    assert {member.name: member.size for member in members} == {
        n: len(b) for n, b in MEMBERS.items()
    }
    for member in members:
        packed = bytes(data[member.start : member.end])
        unpacked = zlib.decompress(packed, -15) if member.method == DEFLATED else packed
        assert unpacked == MEMBERS[member.name]
        assert member.crc == zlib.crc32(unpacked)


def test_sizes_of_zip64_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)  # as if 100 bytes were four gigabytes
    data = archive(zipfile.ZIP_STORED)
    assert b"PK\x06\x06" in data
    members = read_zip_directory(memoryview(data), "a.zip")
    assert {m.name: bytes(data[m.start : m.end]) for m in members} == MEMBERS


def replace_bytes(old: bytes, new: bytes, *, last: bool = True) -> bytes:
    data = bytes(archive())
    offset = data.rfind(old) if last else data.find(old)
    return data[:offset] + new + data[offset + len(old) :]


BROKEN = {
    "no directory": (bytes(archive()[:-1]), "file-truncated"),
    "nothing": (b"PK\x05\x06", "file-truncated"),
    "bytes after the end": (bytes(archive()) + b"x", "file-truncated"),
    "bytes before the beginning": (b"x" + bytes(archive()), "file-malformed"),
    "another name in the member": (replace_bytes(b"empty", b"EMPTY", last=False), "file-malformed"),
    "an encrypted member": (
        replace_bytes(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
        "file-wrong-format",
    ),
    "one part of several": (replace_bytes(b"PK\x05\x06\x00", b"PK\x05\x06\x01"), "file-malformed"),
    "more members than there are": (
        replace_bytes(b"PK\x05\x06\0\0\0\0\x04\0\x04\0", b"PK\x05\x06\0\0\0\0\x05\0\x05\0"),
        "file-malformed",
    ),
    "fewer members than there are": (
        replace_bytes(b"PK\x05\x06\0\0\0\0\x04\0\x04\0", b"PK\x05\x06\0\0\0\0\x03\0\x03\0"),
        "file-malformed",
    ),
}


@pytest.mark.parametrize(("data", "code"), BROKEN.values(), ids=BROKEN)
def test_a_broken_directory_is_one_line(data: bytes, code: str) -> None:
    with pytest.raises(FormatError, match=rf"\[{code}\]"):
        read_zip_directory(memoryview(data), "a.zip")


def test_two_members_on_the_same_bytes_are_refused() -> None:
    """So bombs multiply: ten thousand members, one kernel of packed zeros."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a", b"x" * 100)
        file.filelist.append(file.filelist[0])
    with pytest.raises(FormatError, match=r"share bytes.*\[file-malformed\]"):
        read_zip_directory(memoryview(out.getvalue()), "a.zip")


@settings(max_examples=300)
@given(st.data())
def test_a_mutated_directory_gives_members_within_the_file_or_our_error(
    data: st.DataObject,
) -> None:
    changed = archive()
    for _ in range(data.draw(st.integers(1, 5))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        members = read_zip_directory(memoryview(changed), "a.zip")
    except AlbertKitError:
        return
    assert sum(member.end - member.start for member in members) <= len(changed)
