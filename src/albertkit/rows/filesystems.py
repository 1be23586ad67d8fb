"""Places that are named by a URI: s3://, gs://, abfs://, hdfs://, file://, … through pyarrow.

Accounts, regions and endpoints are told as pyarrow's file systems read them: by the environment,
or behind the path (s3://bucket/texts?region=eu-west-1).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import urlsplit, urlunsplit

from albertkit.errors import InputError, SurroundingsError, imported

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

BLOCK = 2**23  # bytes that go up at once


def is_uri(name: str) -> bool:
    """Whether this names a place by a URI, not by a path."""
    return "://" in name


def without_account(uri: str) -> str:
    """The URI as others may read it: s3://key:secret@bucket/… loses key and secret."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def below(uri: str, name: str) -> str:
    """The URI of `name` in the directory `uri`, which may have a query."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}"))


def opened_uri(uri: str) -> BinaryIO:
    """The bytes of a file, of which any can be gone to; raises OSError, as `Path.open` does."""
    filesystem, path = _at(uri)
    return cast(BinaryIO, filesystem.open_input_file(path))


def size_at(uri: str) -> int | None:
    """Bytes of the file of this URI; None where there is no file."""
    filesystem, path = _at(uri)
    with _told_as_unreachable(uri):
        found = filesystem.get_file_info(path)
    return found.size if found.is_file else None


def is_directory(uri: str) -> bool:
    """Whether a directory has this URI; in an object store, whether any name begins so."""
    from pyarrow.fs import FileType

    filesystem, path = _at(uri)
    with _told_as_unreachable(uri):
        return bool(filesystem.get_file_info(path).type == FileType.Directory)


def files_below(uri: str) -> list[str]:
    """The URIs of all files in a directory and in those below it, in the order of their names.

    Names that begin with "." or "_" are left out, of directories too.
    """
    from pyarrow.fs import FileSelector

    filesystem, path = _at(uri)
    with _told_as_unreachable(uri):
        found = filesystem.get_file_info(FileSelector(path, recursive=True))
    inside = (PurePosixPath(each.path).relative_to(path) for each in found if each.is_file)
    shown = (name for name in inside if not any(part[0] in "._" for part in name.parts))
    return [below(uri, str(name)) for name in sorted(shown)]


@contextmanager
def new_object(uri: str) -> Iterator[BinaryIO]:
    """Open a file for writing that is found under `uri` when the block ends well.

    What is written waits on this machine's disk, and goes up in one piece: an object store shows
    an object when its last byte is there. A file system of files gets a hidden name first.
    Raises SurroundingsError [write-failed].
    """
    filesystem, path = _at(uri)
    with tempfile.TemporaryFile() as waiting:
        yield cast(BinaryIO, waiting)
        waiting.seek(0)
        try:
            _send(waiting, filesystem, path)
        except OSError as error:
            raise SurroundingsError(
                "write-failed",
                f"{without_account(uri)!r} could not be written: {_first_line(error)}",
                why="what was there before is untouched",
                fix="Write to a place that this account may change",
            ) from error


def make_directory(uri: str) -> None:
    """Make a directory, where the file system has such; raises [filesystem-unreachable]."""
    filesystem, path = _at(uri)
    with _told_as_unreachable(uri):
        filesystem.create_dir(path, recursive=True)


def _send(waiting: BinaryIO, filesystem: FileSystem, path: str) -> None:
    objects = filesystem.type_name in ("s3", "gcs", "abfs")
    target = PurePosixPath(path)
    sent = path if objects else str(target.with_name(f".{target.name}.tmp"))
    try:
        with filesystem.open_output_stream(sent) as up:
            while block := waiting.read(BLOCK):
                up.write(block)
    except BaseException:
        # pyarrow ends an upload by completing it, whatever happened: what is short goes again
        filesystem.delete_file(sent)
        raise
    if not objects:
        filesystem.move(sent, path)


def _at(uri: str) -> tuple[FileSystem, str]:
    """The file system and the path in it; raises InputError [filesystem-unknown]."""
    fs = imported("pyarrow.fs", without_account(uri))
    try:
        filesystem, path = fs.FileSystem.from_uri(uri)
    except (OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            "filesystem-unknown",
            f"{without_account(uri)!r} is on no file system that can be reached from here:"
            f" {_first_line(error)}",
            why="URIs are opened by pyarrow: file, s3, gs, abfs, hdfs",
            fix="Check the name, or copy the files to where a path leads to them",
        ) from error
    return filesystem, path


@contextmanager
def _told_as_unreachable(uri: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SurroundingsError(
            "filesystem-unreachable",
            f"{without_account(uri)!r} cannot be asked: {_first_line(error)}",
            why="its file system does not answer, or does not let this account in",
            fix="Check the name, the account in the environment, and the network",
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
