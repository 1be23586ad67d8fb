"""Unpack archives from strangers: .tar, .tar.gz and .zip, recognised by content.

In: an archive. Out: its files in a directory. What could write elsewhere (`..`, absolute names,
links), what is no file (devices), two members of one name, and what grows beyond all measure is
refused; each member is checked before a byte of it is written, and bytes are counted as they come.
"""

from __future__ import annotations

import shutil
import tempfile
import unicodedata
import weakref
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_IFDIR, S_IFMT, S_IFREG

from albertkit.errors import FormatError
from albertkit.fileformats.archives.tar_stream import (
    BLOCK,
    CHUNK,
    GZIP,
    Unpacking,
    is_tar,
    tar_members,
    too_large,
    unsafe,
)
from albertkit.fileformats.archives.zip_directory import (
    DEFLATED,
    STORED,
    Member,
    is_zip,
    read_zip_directory,
)
from albertkit.fileformats.atomic import write_errors
from albertkit.fileformats.reader import map_file

# An xxlarge ALBERT with its optimiser's state has 3 GB; weights shrink by a tenth, a graph or a
# vocabulary twentyfold, zeros a thousandfold.
MOST_BYTES = 20 * 2**30
MOST_RATIO = 100
ALWAYS_ALLOWED = 16 * 2**20  # however small the archive is
MOST_MEMBERS = 10_000
LONGEST_PART, DEEPEST = 255, 32  # bytes of a file's name, folders above one another
NO_NAMES = frozenset('\\:*?"<>|')  # characters that a system takes for more than a name
OF_MACOS = ("__MACOSX", "._", ".DS_Store")  # what it adds at the top begins so


class Unpacked:
    """An archive's contents in a temporary directory, which is removed with this object.

    path: the archive's only folder, where it has one alone, else the directory itself. Files that
    are mapped stay readable after it is gone.
    """

    def __init__(self, archive: Path) -> None:
        with write_errors(Path(tempfile.gettempdir())):
            folder = Path(tempfile.mkdtemp(prefix=f"albertkit-{archive.name[:50]}-"))
        self.close = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        try:
            unpack(archive, folder)
        except BaseException:
            self.close()
            raise
        inside = [entry for entry in folder.iterdir() if not entry.name.startswith(OF_MACOS)]
        self.path = inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def is_archive(data: memoryview) -> bool:
    """Whether a file's content is an archive that `unpack` knows."""
    return is_zip(data) or bytes(data[:2]) == GZIP or is_tar(bytes(data[:BLOCK]))


def unpack(archive: Path, folder: Path) -> None:
    """Write an archive's files into `folder`; after an error some of them may lie there.

    Raises InputError [file-not-found], ResourceError [write-failed]; FormatError
    [archive-unsafe], [archive-too-large], [file-truncated], [file-malformed], [file-wrong-format].
    """
    data, name = map_file(archive), str(archive)
    most = min(MOST_BYTES, max(ALWAYS_ALLOWED, MOST_RATIO * len(data)))
    target = _Target(folder, name)
    if is_zip(data):
        _unpack_zip(data, target, most)
    elif is_archive(data):
        _unpack_tar(Unpacking(data, name, most), target)
    else:
        raise FormatError(
            "file-wrong-format",
            f"this is no archive: it begins with {bytes(data[:12])!r}",
            why=".tar, .tar.gz and .zip are known",
            fix="Unpack it yourself, and give the directory",
            where=name,
        )


class _Target:
    """The directory into which members go, each under a name of its own."""

    def __init__(self, folder: Path, archive: str) -> None:
        self.folder = folder
        self.archive = archive
        self._taken: dict[tuple[str, ...], bool] = {}  # as a system without case sees it: a file?

    def add_folder(self, name: str) -> None:
        parts = self._place(name, is_file=False)
        with write_errors(self.folder):
            self.folder.joinpath(*parts).mkdir(parents=True, exist_ok=True)

    def add_file(self, name: str, chunks: Iterable[bytes]) -> None:
        place = self.folder.joinpath(*self._place(name, is_file=True))
        with write_errors(self.folder):
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                for chunk in chunks:
                    file.write(chunk)

    def _place(self, name: str, *, is_file: bool) -> tuple[str, ...]:
        """The parts of a member's name, checked by themselves and against the others."""
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if name.startswith("/") or ".." in parts or not all(map(_is_plain, parts)):
            raise unsafe(self.archive, f"its member {name[:100]!r} has no plain name")
        if len(parts) > DEEPEST or (is_file and not parts):
            raise unsafe(self.archive, f"its member {name[:100]!r} has no name, or too long a one")
        seen = tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)
        lies_in_a_file = any(self._taken.get(seen[:end]) for end in range(1, len(seen)))
        if lies_in_a_file or (seen in self._taken and (is_file or self._taken[seen])):
            raise unsafe(self.archive, f"two of its members are called {name[:100]!r}")
        for end in range(1, len(seen)):
            self._taken.setdefault(seen[:end], False)
        self._taken[seen] = is_file
        if len(self._taken) > MOST_MEMBERS:
            raise unsafe(self.archive, f"it has more than {MOST_MEMBERS:,} members")
        return parts


def _is_plain(part: str) -> bool:
    return (
        len(part.encode(errors="replace")) <= LONGEST_PART
        and NO_NAMES.isdisjoint(part)
        and part.isprintable()
    )


def _unpack_tar(stream: Unpacking, target: _Target) -> None:
    if not is_tar(begins := stream.peek(BLOCK)):
        raise FormatError(
            "file-wrong-format",
            f"this is one packed file, no archive: it begins with {begins[:12]!r}",
            why=".tar, .tar.gz and .zip are known",
            fix="Unpack it yourself, and give the directory",
            where=stream.name,
        )
    for member in tar_members(stream):
        if member.is_folder:
            target.add_folder(member.name)
            continue
        if member.size > stream.most:
            raise too_large(stream.name, stream.most)
        target.add_file(member.name, stream.chunks(member.size))
    stream.finish()


def _unpack_zip(data: memoryview, target: _Target, most: int) -> None:
    members = read_zip_directory(data, target.archive)
    if sum(member.size for member in members) > most:
        raise too_large(target.archive, most)
    for member in members:
        kind = S_IFMT(member.mode)
        if kind not in (0, S_IFREG, S_IFDIR) or member.method not in (STORED, DEFLATED):
            raise unsafe(
                target.archive,
                f"its member {member.name[:100]!r} is a link, a device or oddly packed",
            )
        if member.name.endswith("/") or kind == S_IFDIR:
            target.add_folder(member.name)
        else:
            target.add_file(member.name, _checked(data, member, target.archive))


def _checked(data: memoryview, member: Member, archive: str) -> Iterator[bytes]:
    """The unpacked bytes of a member, which must be as many as it says and have its checksum."""
    crc, left = 0, member.size
    for chunk in _unzipped(data[member.start : member.end], member):
        crc, left = zlib.crc32(chunk, crc), left - len(chunk)
        if left < 0:
            break
        yield chunk
    if left or crc != member.crc:
        raise FormatError(
            "file-malformed",
            f"its member {member.name[:100]!r} disagrees with its size or checksum",
            why="its bytes were changed on the way",
            fix="Download it again",
            where=archive,
        )


def _unzipped(packed: memoryview, member: Member) -> Iterator[bytes]:
    if member.method == STORED:
        for at in range(0, len(packed), CHUNK):
            yield bytes(packed[at : at + CHUNK])
        return
    stream = zlib.decompressobj(wbits=-15)
    left: bytes | memoryview = packed
    try:
        while not stream.eof:
            chunk = stream.decompress(left, CHUNK)
            left = stream.unconsumed_tail
            if not chunk and not left:
                return  # it ends early, which its size shows
            yield chunk
    except zlib.error:
        return  # likewise
