"""Extract archives of unknown origin: .tar, .tar.gz and .zip, recognised by content.

Refused are names that lead elsewhere (`..`, absolute names), members that are neither files nor
directories, two members of one name, and contents out of proportion to the archive. Each member is
checked before a byte of it is written, and bytes are counted while they are decompressed.
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
    CHUNK_BYTES,
    GZIP,
    TAR_BLOCK,
    ArchiveStream,
    is_tar,
    read_tar_members,
    too_large_error,
    unsafe_member_error,
)
from albertkit.fileformats.archives.zip_directory import (
    DEFLATED,
    STORED,
    ZipMember,
    is_zip,
    read_zip_directory,
)
from albertkit.fileformats.atomic import write_errors
from albertkit.fileformats.reader import map_file

# An xxlarge ALBERT with its optimizer's state has 3 GB; weights shrink by a tenth, a graph or a
# vocabulary twentyfold, zeros a thousandfold.
MOST_EXTRACTED_BYTES = 20 * 2**30
MOST_RATIO = 100
ALWAYS_ALLOWED = 16 * 2**20  # bytes, however small the archive is
MOST_MEMBERS = 10_000
LONGEST_PART, DEEPEST = 255, 32  # bytes of a file's name, nested directories
NOT_IN_NAMES = frozenset('\\:*?"<>|')  # characters with a meaning on some systems
OF_MACOS = ("__MACOSX", "._", ".DS_Store")  # prefixes of what macOS adds at the top


class ExtractedArchive:
    """An archive's contents in a temporary directory, which is removed with this object.

    Mapped files stay readable after the directory is removed.

    Args:
        archive: The archive; raises as `extract_archive` does.

    Attributes:
        path: The archive's directory if it has only one at its top, else the temporary directory.
    """

    def __init__(self, archive: Path) -> None:
        """Extract the archive; after an error nothing of it is left."""
        with write_errors(Path(tempfile.gettempdir())):
            directory = Path(tempfile.mkdtemp(prefix=f"albertkit-{archive.name[:50]}-"))
        self.close = weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
        try:
            extract_archive(archive, directory)
        except BaseException:
            self.close()
            raise
        inside = [entry for entry in directory.iterdir() if not entry.name.startswith(OF_MACOS)]
        self.path = inside[0] if len(inside) == 1 and inside[0].is_dir() else directory


def is_archive(data: memoryview) -> bool:
    """Check whether a file's content is an archive of a supported format."""
    return is_zip(data) or bytes(data[:2]) == GZIP or is_tar(bytes(data[:TAR_BLOCK]))


def extract_archive(archive: Path, directory: Path) -> None:
    """Write an archive's files into a directory; after an error it may hold some of them.

    Args:
        archive: A .tar, .tar.gz or .zip file.
        directory: It must exist.

    Raises:
        InputError: [file-not-found].
        FormatError: [archive-unsafe], [archive-too-large], [file-truncated], [file-malformed],
            [file-wrong-format].
        ResourceError: [write-failed].
    """
    data, name = map_file(archive), str(archive)
    most = min(MOST_EXTRACTED_BYTES, max(ALWAYS_ALLOWED, MOST_RATIO * len(data)))
    target = _Target(directory, name)
    if is_zip(data):
        _extract_zip(data, target, most)
    elif is_archive(data):
        _extract_tar(ArchiveStream(data, name, most), target)
    else:
        raise _unknown_format_error("this is not an archive", bytes(data[:12]), name)


class _Target:
    """The directory to write into; every member gets a checked name of its own."""

    def __init__(self, directory: Path, archive: str) -> None:
        self.directory = directory
        self.archive = archive
        # names as a system that ignores case sees them → whether it is a file
        self._taken: dict[tuple[str, ...], bool] = {}

    def add_directory(self, name: str) -> None:
        """Make a member that is a directory."""
        parts = self._check_name(name, is_file=False)
        with write_errors(self.directory):
            self.directory.joinpath(*parts).mkdir(parents=True, exist_ok=True)

    def add_file(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a member that is a file."""
        path = self.directory.joinpath(*self._check_name(name, is_file=True))
        with write_errors(self.directory):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                for chunk in chunks:
                    file.write(chunk)

    def _check_name(self, name: str, *, is_file: bool) -> tuple[str, ...]:
        """Split a member's name into parts, and check it by itself and against the others."""
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if name.startswith("/") or ".." in parts or not all(map(_is_plain, parts)):
            raise unsafe_member_error(
                self.archive, f"its member {name[:100]!r} does not have a plain name"
            )
        if len(parts) > DEEPEST or (is_file and not parts):
            raise unsafe_member_error(
                self.archive, f"its member {name[:100]!r} has no name, or too long a one"
            )
        folded = tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)
        is_below_file = any(self._taken.get(folded[:end]) for end in range(1, len(folded)))
        if is_below_file or (folded in self._taken and (is_file or self._taken[folded])):
            raise unsafe_member_error(
                self.archive, f"two of its members have the name {name[:100]!r}"
            )
        for end in range(1, len(folded)):
            self._taken.setdefault(folded[:end], False)
        self._taken[folded] = is_file
        if len(self._taken) > MOST_MEMBERS:
            raise unsafe_member_error(self.archive, f"it has more than {MOST_MEMBERS:,} members")
        return parts


def _is_plain(part: str) -> bool:
    return (
        len(part.encode(errors="replace")) <= LONGEST_PART
        and NOT_IN_NAMES.isdisjoint(part)
        and part.isprintable()
    )


def _extract_tar(stream: ArchiveStream, target: _Target) -> None:
    first_block = stream.peek(TAR_BLOCK)
    if not is_tar(first_block):
        raise _unknown_format_error("this is one compressed file", first_block[:12], stream.name)
    for member in read_tar_members(stream):
        if member.is_directory:
            target.add_directory(member.name)
            continue
        if member.size > stream.most:
            raise too_large_error(stream.name, stream.most)
        target.add_file(member.name, stream.chunks(member.size))
    stream.finish()


def _extract_zip(data: memoryview, target: _Target, most: int) -> None:
    members = read_zip_directory(data, target.archive)
    if sum(member.size for member in members) > most:
        raise too_large_error(target.archive, most)
    for member in members:
        kind = S_IFMT(member.mode)
        if kind not in (0, S_IFREG, S_IFDIR) or member.method not in (STORED, DEFLATED):
            raise unsafe_member_error(
                target.archive,
                f"its member {member.name[:100]!r} is a link, a device, "
                "or compressed by an unsupported method",
            )
        if member.name.endswith("/") or kind == S_IFDIR:
            target.add_directory(member.name)
        else:
            target.add_file(member.name, _read_checked(data, member, target.archive))


def _read_checked(data: memoryview, member: ZipMember, archive: str) -> Iterator[bytes]:
    """Decompress a member and compare the bytes with its size and checksum."""
    crc, left = 0, member.size
    for chunk in _decompress(data[member.start : member.end], member):
        crc, left = zlib.crc32(chunk, crc), left - len(chunk)
        if left < 0:
            break
        yield chunk
    if left or crc != member.crc:
        raise FormatError(
            "file-malformed",
            f"its member {member.name[:100]!r} does not match its size or checksum",
            why="its bytes were changed after it was written",
            fix="Download it again",
            where=archive,
        )


def _decompress(compressed: memoryview, member: ZipMember) -> Iterator[bytes]:
    if member.method == STORED:
        for start in range(0, len(compressed), CHUNK_BYTES):
            yield bytes(compressed[start : start + CHUNK_BYTES])
        return
    stream = zlib.decompressobj(wbits=-15)
    left: bytes | memoryview = compressed
    try:
        while not stream.eof:
            chunk = stream.decompress(left, CHUNK_BYTES)
            left = stream.unconsumed_tail
            if not chunk and not left:
                return  # it ends early: the caller compares the size
            yield chunk
    except zlib.error:
        return  # the caller compares the size


def _unknown_format_error(what: str, prefix: bytes, name: str) -> FormatError:
    return FormatError(
        "file-wrong-format",
        f"{what}: it begins with {prefix!r}",
        why="the supported archives are .tar, .tar.gz and .zip",
        fix="Unpack it yourself, and give the directory",
        where=name,
    )
