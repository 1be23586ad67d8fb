"""tarfile and zipfile write; what they would unpack elsewhere, or without end, is refused."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albertkit.errors import AlbertKitError, FormatError, ResourceError
from albertkit.fileformats.archives import extraction as archives
from albertkit.fileformats.archives.extraction import ExtractedArchive, extract_archive

FILES = {
    "m/config.json": b"{}" * 300,
    "m/variables/variables.index": bytes(range(256)) * 5,
    "m/empty": b"",
    "m/ä and a space": b"x",
    "m/" + "long" * 50: b"a name that fits no header",
}


def tarred(files: dict[str, bytes], mode: str = "w:gz", form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


WRITERS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "tar": lambda files: tarred(files, "w:"),
    "tar.gz": tarred,
    "tar.gz of GNU": lambda files: tarred(files, form=tarfile.GNU_FORMAT),
    "tar of USTAR": lambda files: tarred(files, "w:", tarfile.USTAR_FORMAT),
    "zip": zipped,
    "zip, stored": lambda files: zipped(files, zipfile.ZIP_STORED),
}
by_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where an archive lies, beside an empty folder to unpack it into."""
    (tmp_path / "into").mkdir()
    return tmp_path


def refused(data: bytes, place: Path, code: str, what: str = "") -> None:
    (place / "archive").write_bytes(data)
    with pytest.raises(AlbertKitError, match=rf"{what}.*\[{code}\]") as caught:
        ExtractedArchive(place / "archive")
    assert "\n" not in str(caught.value)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory for temporary files; empty again after each test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@by_writer
def test_every_file_comes_out(write: Callable[[dict[str, bytes]], bytes], place: Path) -> None:
    files = dict(FILES)
    if write is WRITERS["tar of USTAR"]:
        files.pop("m/" + "long" * 50)
    (place / "archive").write_bytes(write(files))
    extract_archive(place / "archive", place / "into")
    assert contents(place / "into") == files


def test_folders_and_dots_in_names_are_understood(place: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name in (".", "./assets", "./variables"):
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        member = tarfile.TarInfo("./saved_model.pb")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    (place / "archive").write_bytes(out.getvalue())
    extract_archive(place / "archive", place / "into")
    assert sorted(path.name for path in (place / "into").iterdir()) == [
        "assets",
        "saved_model.pb",
        "variables",
    ]


def test_the_only_folder_is_entered_and_all_is_removed_at_the_end(
    place: Path, temporary: Path
) -> None:
    (place / "a.zip").write_bytes(zipped(FILES | {"__MACOSX/m/._m": b"", "._m": b""}))
    found = ExtractedArchive(place / "a.zip")
    assert found.path.name == "m"
    assert (found.path / "config.json").read_bytes() == FILES["m/config.json"]
    assert list(temporary.iterdir()) == [found.path.parent]
    del found
    assert list(temporary.iterdir()) == []


def test_files_at_the_top_stay_there(place: Path) -> None:
    (place / "a.tgz").write_bytes(tarred({"a": b"1", "b/c": b"2"}))
    found = ExtractedArchive(place / "a.tgz")
    assert contents(found.path) == {"a": b"1", "b/c": b"2"}
    found.close()
    assert not found.path.exists()


NAMES = {
    "above": "../evil",
    "above, later": "a/../../evil",
    "absolute": "/var/evil",
    "of Windows": "a\\..\\evil",
    "a drive": "C:evil",
    "with a line's end": "a\nb",
    "nothing": "./",
    "too deep": "a/" * 40 + "b",
    "too long": "a" * 300,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("write", [tarred, zipped])
def test_a_name_that_is_not_plain_is_refused(
    name: str, write: Callable[[dict[str, bytes]], bytes], place: Path, temporary: Path
) -> None:
    if name == "./" and write is zipped:
        return  # a folder, in a zip file
    refused(write({"ok": b"", name: b"x"}), place, "archive-unsafe")
    assert list(temporary.iterdir()) == []
    assert not (place / "evil").exists()


@pytest.mark.parametrize(
    ("first", "second"), [("a", "A"), ("a", "./a"), ("ä", "a\N{COMBINING DIAERESIS}"), ("a", "a/b")]
)
@pytest.mark.parametrize("write", [tarred, zipped])
def test_two_members_on_one_name_are_refused(
    first: str, second: str, write: Callable[[dict[str, bytes]], bytes], place: Path
) -> None:
    refused(write({first: b"1", second: b"2"}), place, "archive-unsafe", "two of its members")


KINDS = {
    "a hard link": tarfile.LNKTYPE,
    "a symbolic link": tarfile.SYMTYPE,
    "a device": tarfile.CHRTYPE,
    "a block device": tarfile.BLKTYPE,
    "a pipe": tarfile.FIFOTYPE,
    "a sparse file": tarfile.GNUTYPE_SPARSE,
    "an unknown kind": b"Z",
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_is_neither_file_nor_folder_is_refused(kind: bytes, place: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    refused(out.getvalue(), place, "archive-unsafe", "its member 'link' is")


def test_a_link_in_a_zip_file_is_refused(place: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        member = zipfile.ZipInfo("link")
        member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    refused(out.getvalue(), place, "archive-unsafe", "its member 'link' is a link")


def zeros_without_end(name: str, size: int) -> bytes:
    """A tar.gz that announces `size` zeros and holds the first 20 MB of them, in 20 KB."""
    member = tarfile.TarInfo(name)
    member.size = size
    return gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(20 * 2**20))


def test_a_hundred_gigabytes_of_zeros_are_refused_before_a_byte_is_written(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr(Path, "open", lambda self, mode="r": written.append(mode))  # of our target
    monkeypatch.setattr(archives, "map_file", lambda _: memoryview(data))
    data = zeros_without_end("zeros", 100 * 2**30)
    with pytest.raises(FormatError, match=r"more than 16,777,216 bytes.*\[archive-too-large\]"):
        extract_archive(place / "archive", place / "into")
    assert written == []


def test_zeros_whose_size_is_a_lie_are_refused_while_they_come(place: Path) -> None:
    data = zeros_without_end("zeros", 3)  # the rest would be the next members' headers
    refused(data, place, "archive-too-large")
    refused(gzip.compress(bytes(20 * 2**20)), place, "file-wrong-format", "one compressed file")


def test_a_zip_bomb_is_refused(place: Path) -> None:
    refused(zipped({"zeros": bytes(20 * 2**20)}), place, "archive-too-large")


def test_too_many_members_are_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 20)
    refused(tarred({f"a{number}": b"" for number in range(21)}), place, "archive-unsafe", "21|20")


@by_writer
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_leaves_nothing(
    write: Callable[[dict[str, bytes]], bytes], part: float, place: Path, temporary: Path
) -> None:
    data = write({"m/a": os.urandom(30_000), "m/b": b"2" * 3000})
    if write in (WRITERS["tar"], WRITERS["tar of USTAR"]):
        data = data[:34_816]  # without padding
    refused(data[: int(len(data) * part)], place, "file-truncated|file-malformed|file-wrong-format")
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("write", [tarred, zipped])
def test_a_changed_byte_is_found_by_its_checksum(
    write: Callable[[dict[str, bytes]], bytes], place: Path
) -> None:
    data = bytearray(write({"a": os.urandom(2000)}))
    data[1000] ^= 1
    refused(bytes(data), place, "file-malformed")


def test_a_full_disk_is_one_line_and_leaves_nothing(
    place: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    (place / "a.zip").write_bytes(zipped(FILES))
    monkeypatch.setattr(Path, "open", full)
    monkeypatch.setattr(archives, "map_file", lambda _: memoryview(zipped(FILES)))
    with pytest.raises(ResourceError, match=r"No space.*Free space.*\[write-failed\]"):
        ExtractedArchive(place / "a.zip")
    assert list(temporary.iterdir()) == []


def test_what_is_no_archive_is_said_to_be_none(place: Path) -> None:
    refused(b"7z\xbc\xaf\x27\x1c and more", place, "file-wrong-format", "this is not an archive")
    refused(gzip.compress(b"one file"), place, "file-wrong-format", "one compressed file")
    refused(b"version https://git-lfs.github.com/spec/v1\n", place, "file-wrong-format", "Git LFS")


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kind=st.sampled_from(list(WRITERS)), cut=st.floats(0, 1), data=st.data())
def test_a_mutated_archive_unpacks_within_its_folder_or_is_refused(
    kind: str, cut: float, data: st.DataObject, place: Path, temporary: Path
) -> None:
    short = {name: found for name, found in FILES.items() if len(name) < 100}
    changed = bytearray(WRITERS[kind](short))
    for _ in range(data.draw(st.integers(1, 5))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    if cut < 0.5:
        del changed[int(2 * cut * len(changed)) :]
    (place / "archive").write_bytes(changed)
    try:
        found = ExtractedArchive(place / "archive")
        assert found.path.is_relative_to(temporary)
        found.close()
    except AlbertKitError:
        pass
    assert list(temporary.iterdir()) == []
    assert {path.name for path in place.iterdir()} == {"into", "archive", "temporary"}
