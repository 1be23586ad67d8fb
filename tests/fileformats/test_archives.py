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


def make_tar(files: dict[str, bytes], mode: str = "w:gz", form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def make_zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


WRITERS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "tar": lambda files: make_tar(files, "w:"),
    "tar.gz": make_tar,
    "tar.gz of GNU": lambda files: make_tar(files, form=tarfile.GNU_FORMAT),
    "tar of USTAR": lambda files: make_tar(files, "w:", tarfile.USTAR_FORMAT),
    "zip": make_zip,
    "zip, stored": lambda files: make_zip(files, zipfile.ZIP_STORED),
}
by_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory for the archive, with an empty directory to extract it into."""
    (tmp_path / "into").mkdir()
    return tmp_path


def assert_refused(data: bytes, directory: Path, code: str, what: str = "") -> None:
    (directory / "archive").write_bytes(data)
    with pytest.raises(AlbertKitError, match=rf"{what}.*\[{code}\]") as caught:
        ExtractedArchive(directory / "archive")
    assert "\n" not in str(caught.value)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory for temporary files; empty again after each test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@by_writer
def test_every_file_comes_out(write: Callable[[dict[str, bytes]], bytes], directory: Path) -> None:
    files = dict(FILES)
    if write is WRITERS["tar of USTAR"]:
        files.pop("m/" + "long" * 50)
    (directory / "archive").write_bytes(write(files))
    extract_archive(directory / "archive", directory / "into")
    assert contents(directory / "into") == files


def test_folders_and_dots_in_names_are_understood(directory: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name in (".", "./assets", "./variables"):
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        member = tarfile.TarInfo("./saved_model.pb")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    (directory / "archive").write_bytes(out.getvalue())
    extract_archive(directory / "archive", directory / "into")
    assert sorted(path.name for path in (directory / "into").iterdir()) == [
        "assets",
        "saved_model.pb",
        "variables",
    ]


def test_the_only_folder_is_entered_and_all_is_removed_at_the_end(
    directory: Path, temporary: Path
) -> None:
    (directory / "a.zip").write_bytes(make_zip(FILES | {"__MACOSX/m/._m": b"", "._m": b""}))
    unpacked = ExtractedArchive(directory / "a.zip")
    assert unpacked.path.name == "m"
    assert (unpacked.path / "config.json").read_bytes() == FILES["m/config.json"]
    assert list(temporary.iterdir()) == [unpacked.path.parent]
    del unpacked
    assert list(temporary.iterdir()) == []


def test_files_at_the_top_stay_there(directory: Path) -> None:
    (directory / "a.tgz").write_bytes(make_tar({"a": b"1", "b/c": b"2"}))
    unpacked = ExtractedArchive(directory / "a.tgz")
    assert contents(unpacked.path) == {"a": b"1", "b/c": b"2"}
    unpacked.close()
    assert not unpacked.path.exists()


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
@pytest.mark.parametrize("write", [make_tar, make_zip])
def test_a_name_that_is_not_plain_is_refused(
    name: str, write: Callable[[dict[str, bytes]], bytes], directory: Path, temporary: Path
) -> None:
    if name == "./" and write is make_zip:
        return  # a folder, in a zip file
    assert_refused(write({"ok": b"", name: b"x"}), directory, "archive-unsafe")
    assert list(temporary.iterdir()) == []
    assert not (directory / "evil").exists()


@pytest.mark.parametrize(
    ("first", "second"), [("a", "A"), ("a", "./a"), ("ä", "a\N{COMBINING DIAERESIS}"), ("a", "a/b")]
)
@pytest.mark.parametrize("write", [make_tar, make_zip])
def test_two_members_on_one_name_are_refused(
    first: str, second: str, write: Callable[[dict[str, bytes]], bytes], directory: Path
) -> None:
    assert_refused(
        write({first: b"1", second: b"2"}), directory, "archive-unsafe", "two of its members"
    )


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
def test_what_is_neither_file_nor_folder_is_refused(kind: bytes, directory: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    assert_refused(out.getvalue(), directory, "archive-unsafe", "its member 'link' is")


def test_a_link_in_a_zip_file_is_refused(directory: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        member = zipfile.ZipInfo("link")
        member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    assert_refused(out.getvalue(), directory, "archive-unsafe", "its member 'link' is a link")


def zeros_without_end(name: str, size: int) -> bytes:
    """A tar.gz that announces `size` zeros and holds the first 20 MB of them, in 20 KB."""
    member = tarfile.TarInfo(name)
    member.size = size
    return gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(20 * 2**20))


def test_a_hundred_gigabytes_of_zeros_are_refused_before_a_byte_is_written(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    data = zeros_without_end("zeros", 100 * 2**30)
    monkeypatch.setattr(Path, "open", lambda self, mode="r": written.append(mode))  # of our target
    monkeypatch.setattr(archives, "map_file", lambda _: memoryview(data))
    with pytest.raises(FormatError, match=r"more than 16,777,216 bytes.*\[archive-too-large\]"):
        extract_archive(directory / "archive", directory / "into")
    assert written == []


def test_zeros_with_a_wrong_size_are_refused_while_they_are_read(directory: Path) -> None:
    data = zeros_without_end("zeros", 3)  # the rest would be the next members' headers
    assert_refused(data, directory, "archive-too-large")
    assert_refused(
        gzip.compress(bytes(20 * 2**20)), directory, "file-wrong-format", "one compressed file"
    )


def test_a_zip_bomb_is_refused(directory: Path) -> None:
    assert_refused(make_zip({"zeros": bytes(20 * 2**20)}), directory, "archive-too-large")


def test_too_many_members_are_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 20)
    assert_refused(
        make_tar({f"a{number}": b"" for number in range(21)}), directory, "archive-unsafe", "21|20"
    )


@by_writer
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_leaves_nothing(
    write: Callable[[dict[str, bytes]], bytes], part: float, directory: Path, temporary: Path
) -> None:
    data = write({"m/a": os.urandom(30_000), "m/b": b"2" * 3000})
    if write in (WRITERS["tar"], WRITERS["tar of USTAR"]):
        data = data[:34_816]  # without padding
    assert_refused(
        data[: int(len(data) * part)], directory, "file-truncated|file-malformed|file-wrong-format"
    )
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("write", [make_tar, make_zip])
def test_a_changed_byte_is_found_by_its_checksum(
    write: Callable[[dict[str, bytes]], bytes], directory: Path
) -> None:
    data = bytearray(write({"a": os.urandom(2000)}))
    data[1000] ^= 1
    assert_refused(bytes(data), directory, "file-malformed")


def test_a_full_disk_is_one_line_and_leaves_nothing(
    directory: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    (directory / "a.zip").write_bytes(make_zip(FILES))
    monkeypatch.setattr(Path, "open", full)
    monkeypatch.setattr(archives, "map_file", lambda _: memoryview(make_zip(FILES)))
    with pytest.raises(ResourceError, match=r"No space.*Free space.*\[write-failed\]"):
        ExtractedArchive(directory / "a.zip")
    assert list(temporary.iterdir()) == []


def test_another_format_is_not_read_as_an_archive(directory: Path) -> None:
    assert_refused(
        b"7z\xbc\xaf\x27\x1c and more", directory, "file-wrong-format", "this is not an archive"
    )
    assert_refused(
        gzip.compress(b"one file"), directory, "file-wrong-format", "one compressed file"
    )
    assert_refused(
        b"version https://git-lfs.github.com/spec/v1\n", directory, "file-wrong-format", "Git LFS"
    )


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kind=st.sampled_from(list(WRITERS)), cut=st.floats(0, 1), data=st.data())
def test_a_mutated_archive_unpacks_within_its_folder_or_is_refused(
    kind: str, cut: float, data: st.DataObject, directory: Path, temporary: Path
) -> None:
    short = {name: unpacked for name, unpacked in FILES.items() if len(name) < 100}
    changed = bytearray(WRITERS[kind](short))
    for _ in range(data.draw(st.integers(1, 5))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    if cut < 0.5:
        del changed[int(2 * cut * len(changed)) :]
    (directory / "archive").write_bytes(changed)
    try:
        unpacked = ExtractedArchive(directory / "archive")
        assert unpacked.path.is_relative_to(temporary)
        unpacked.close()
    except AlbertKitError:
        pass
    assert list(temporary.iterdir()) == []
    assert {path.name for path in directory.iterdir()} == {"into", "archive", "temporary"}
