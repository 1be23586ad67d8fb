"""Places that are named by a URI: s3://, gs://, abfs://, hdfs://, file://, … through pyarrow.

Accounts, regions and endpoints are told as pyarrow's file systems read them: by the environment,
or behind the path (s3://bucket/texts?region=eu-west-1). All functions raise InputError
[filesystem-unknown], ResourceError [filesystem-unreachable], [extra-missing].
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from albertkit.errors import InputError, ResourceError, import_extra
from albertkit.errors.wording import first_line
from albertkit.fileformats.atomic import temporary_name, write_errors

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

BLOCK = 2**23  # bytes that go up at once
OBJECT_STORES = ("s3", "gcs", "abfs")  # there an object is found when all of it is there


def is_uri(name: str) -> bool:
    """Whether this names a place by a URI, not by a path."""
    return "://" in name


def without_account(uri: str) -> str:
    """The URI as others may read it: s3://key:secret@bucket/a?region=… is s3://bucket/a."""
    parts = urlsplit(uri)
    shown = parts.netloc.rpartition("@")[2] if parts.scheme == "s3" else parts.netloc
    return urlunsplit(parts._replace(netloc=shown, query=""))


def join_uri(uri: str, name: str) -> str:
    """The URI of `name` in the directory `uri`, which may have a query."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}"))


def open_uri(uri: str) -> BinaryIO:
    """The bytes of a file, of which any can be gone to; raises OSError, as `Path.open` does."""
    filesystem, path = _at(uri)
    return cast(BinaryIO, filesystem.open_input_file(path))


def uri_size(uri: str) -> int | None:
    """Bytes of the file of this URI; None where there is no file."""
    return cast("int | None", _looked_at(uri).size)


def is_directory(uri: str) -> bool:
    """Whether a directory has this URI; in an object store, whether names go on from here."""
    from pyarrow.fs import FileType

    return bool(_looked_at(uri).type == FileType.Directory)


def list_names(uri: str) -> list[str]:
    """The names of what lies in a directory; none where nothing has made it yet."""
    return [PurePosixPath(each.path).name for each in _listed(uri, recursive=False)]


def list_files(uri: str) -> list[str]:
    """The URIs of all files in a directory and in those below it, in the order of their names.

    Names that begin with "." or "_" are left out, of directories too.
    """
    top = _at(uri)[1]
    files = [each.path for each in _listed(uri, recursive=True) if each.is_file]
    inside = [PurePosixPath(path).relative_to(top) for path in files]
    shown = sorted(name for name in inside if all(part[0] not in "._" for part in name.parts))
    return [join_uri(uri, str(name)) for name in shown]


def make_directory(uri: str) -> None:
    """Make a directory, where the file system has such: an object store needs none."""
    filesystem, path = _at(uri)
    if filesystem.type_name not in OBJECT_STORES:
        with _filesystem_errors(uri):
            filesystem.create_dir(path, recursive=True)


def remove(uri: str) -> None:
    """Remove a file, if it is there."""
    filesystem, path = _at(uri)
    if _looked_at(uri).is_file:
        with _filesystem_errors(uri):
            filesystem.delete_file(path)


@contextmanager
def new_object(uri: str) -> Iterator[BinaryIO]:
    """Open a file for writing that is found under `uri` when the block ends well.

    What is written waits on this machine's disk, and goes up in one piece; a file system that
    shows unfinished files gets it under a hidden name first.
    Raises ResourceError [write-failed].
    """
    filesystem, path = _at(uri)
    here = tempfile.gettempdir()
    with write_errors(here), tempfile.TemporaryFile(dir=here) as waiting:
        yield cast(BinaryIO, waiting)
        waiting.seek(0)
        try:
            _send(cast(BinaryIO, waiting), filesystem, path)
        except OSError as error:
            raise ResourceError(
                "write-failed",
                f"{without_account(uri)!r} could not be written: {first_line(error)}",
                why="nothing half-written is left there",
                fix="Write to a place that this account may change",
            ) from error


def _send(waiting: BinaryIO, filesystem: FileSystem, path: str) -> None:
    target = PurePosixPath(path)
    objects = filesystem.type_name in OBJECT_STORES
    sent = path if objects else str(target.with_name(temporary_name(target.name)))
    try:
        with filesystem.open_output_stream(sent) as up:
            while block := waiting.read(BLOCK):
                up.write(block)
    except BaseException:
        # pyarrow completes an upload when it is let go of, whatever happened: short ones go again
        with suppress(OSError):
            filesystem.delete_file(sent)
        raise
    if not objects:
        filesystem.move(sent, path)


def _looked_at(uri: str) -> FileInfo:
    filesystem, path = _at(uri)
    with _filesystem_errors(uri):
        return filesystem.get_file_info(path)


def _listed(uri: str, *, recursive: bool) -> list[FileInfo]:
    from pyarrow.fs import FileSelector

    filesystem, path = _at(uri)
    inside = FileSelector(path, allow_not_found=True, recursive=recursive)
    with _filesystem_errors(uri):
        return list(filesystem.get_file_info(inside))


def _at(uri: str) -> tuple[FileSystem, str]:
    """The file system, and the path in it."""
    import_extra("pyarrow", without_account(uri))
    from pyarrow import ArrowInvalid, ArrowNotImplementedError

    parts = urlsplit(uri)
    try:
        with _filesystem_errors(uri):
            filesystem, top = _filesystem(urlunsplit(parts._replace(path="/")))
    except (ArrowInvalid, ArrowNotImplementedError) as error:
        raise InputError(
            "filesystem-unknown",
            f"{without_account(uri)!r} is on no file system that is known: {first_line(error)}",
            why="URIs are opened by pyarrow: file, s3, gs, abfs, hdfs",
            fix="Check the name, or copy the files to where a path leads to them",
        ) from error
    return filesystem, f"{top.rstrip('/')}/{unquote(parts.path).strip('/')}".rstrip("/")


@lru_cache(maxsize=8)  # a connection each
def _filesystem(root: str) -> tuple[FileSystem, str]:
    from pyarrow.fs import FileSystem

    found, top = FileSystem.from_uri(root)
    return found, str(top)


@contextmanager
def _filesystem_errors(uri: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResourceError(
            "filesystem-unreachable",
            f"{without_account(uri)!r} cannot be asked for: {first_line(error)}",
            why="its file system does not answer, or does not let this account in",
            fix="Check the name, the account in the environment, and the network",
        ) from error
