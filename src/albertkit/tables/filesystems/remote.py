"""Files named by a URI (s3://, gs://, abfs://, hdfs://, file://), through pyarrow.

Accounts, regions and endpoints are taken from where pyarrow's file systems read them: the
environment, or the query (s3://bucket/texts?region=eu-west-1). All functions raise InputError
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
from albertkit.errors.exceptions import take_first_line
from albertkit.fileformats.atomic import make_temporary_name, write_errors

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

UPLOAD_BYTES = 2**23  # bytes of one upload request
OBJECT_STORES = ("s3", "gcs", "abfs")  # where an object appears when it is complete


def is_uri(name: str) -> bool:
    """Whether the name is a URI, not a path."""
    return "://" in name


def hide_account(uri: str) -> str:
    """The URI without secrets: s3://key:secret@bucket/a?region=… becomes s3://bucket/a."""
    parts = urlsplit(uri)
    shown = parts.netloc.rpartition("@")[2] if parts.scheme == "s3" else parts.netloc
    return urlunsplit(parts._replace(netloc=shown, query=""))


def join_uri(uri: str, name: str) -> str:
    """The URI of `name` in the directory `uri`, which may have a query."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}"))


def open_uri(uri: str) -> BinaryIO:
    """Open a file that can be read from any offset; raises OSError as Path.open does."""
    filesystem, path = _resolve(uri)
    return cast(BinaryIO, filesystem.open_input_file(path))


def measure_uri(uri: str) -> int | None:
    """The size of the file in bytes; None if there is no file."""
    return cast("int | None", _get_file_info(uri).size)


def is_directory(uri: str) -> bool:
    """Whether the URI is a directory; in an object store, whether it is a prefix of others."""
    from pyarrow.fs import FileType

    return bool(_get_file_info(uri).type == FileType.Directory)


def list_names(uri: str) -> list[str]:
    """The names of a directory's entries; none if it does not exist yet."""
    return [PurePosixPath(info.path).name for info in _list_directory(uri, recursive=False)]


def list_files(uri: str) -> list[str]:
    """The URIs of all files in a directory and below it, in the order of their names.

    Files and directories whose names begin with "." or "_" are left out.
    """
    top = _resolve(uri)[1]
    files = [info.path for info in _list_directory(uri, recursive=True) if info.is_file]
    relative = [PurePosixPath(path).relative_to(top) for path in files]
    visible = sorted(name for name in relative if all(part[0] not in "._" for part in name.parts))
    return [join_uri(uri, str(name)) for name in visible]


def make_directory(uri: str) -> None:
    """Make a directory, unless the file system is an object store, which has none."""
    filesystem, path = _resolve(uri)
    if filesystem.type_name not in OBJECT_STORES:
        with _filesystem_errors(uri):
            filesystem.create_dir(path, recursive=True)


def remove(uri: str) -> None:
    """Remove a file, if it exists."""
    filesystem, path = _resolve(uri)
    if _get_file_info(uri).is_file:
        with _filesystem_errors(uri):
            filesystem.delete_file(path)


@contextmanager
def create_object(uri: str) -> Iterator[BinaryIO]:
    """Open a new file that appears under `uri` when the block ends without an error.

    The bytes are written to this machine's disk and uploaded at the end; a file system that
    shows unfinished files gets them under a hidden name first.

    Raises:
        ResourceError: [write-failed].
    """
    filesystem, path = _resolve(uri)
    directory = tempfile.gettempdir()
    with write_errors(directory), tempfile.TemporaryFile(dir=directory) as file:
        yield cast(BinaryIO, file)
        file.seek(0)
        try:
            _upload(cast(BinaryIO, file), filesystem, path)
        except OSError as error:
            raise ResourceError(
                "write-failed",
                f"{hide_account(uri)!r} could not be written: {take_first_line(error)}",
                why="the upload failed; no incomplete file is left there",
                fix="Check that this account may write there, and the network",
            ) from error


def _upload(file: BinaryIO, filesystem: FileSystem, path: str) -> None:
    target = PurePosixPath(path)
    is_object_store = filesystem.type_name in OBJECT_STORES
    upload_path = (
        path if is_object_store else str(target.with_name(make_temporary_name(target.name)))
    )
    try:
        with filesystem.open_output_stream(upload_path) as stream:
            while block := file.read(UPLOAD_BYTES):
                stream.write(block)
    except BaseException:
        # pyarrow completes an upload when it is collected, even a short one: delete it
        with suppress(OSError):
            filesystem.delete_file(upload_path)
        raise
    if not is_object_store:
        filesystem.move(upload_path, path)


def _get_file_info(uri: str) -> FileInfo:
    filesystem, path = _resolve(uri)
    with _filesystem_errors(uri):
        return filesystem.get_file_info(path)


def _list_directory(uri: str, *, recursive: bool) -> list[FileInfo]:
    from pyarrow.fs import FileSelector

    filesystem, path = _resolve(uri)
    selector = FileSelector(path, allow_not_found=True, recursive=recursive)
    with _filesystem_errors(uri):
        return list(filesystem.get_file_info(selector))


def _resolve(uri: str) -> tuple[FileSystem, str]:
    """The file system, and the path in it."""
    import_extra("pyarrow", hide_account(uri))
    from pyarrow import ArrowInvalid, ArrowNotImplementedError

    parts = urlsplit(uri)
    try:
        with _filesystem_errors(uri):
            filesystem, top = _open_filesystem(urlunsplit(parts._replace(path="/")))
    # an unknown scheme is invalid, one that this pyarrow was built without is not implemented
    except (ArrowInvalid, ArrowNotImplementedError) as error:
        raise InputError(
            "filesystem-unknown",
            f"{hide_account(uri)!r} is on an unknown file system: {take_first_line(error)}",
            why="URIs are opened by pyarrow: file, s3, gs, abfs, hdfs",
            fix="Check the name, or copy the files to a local directory",
        ) from error
    return filesystem, f"{top.rstrip('/')}/{unquote(parts.path).strip('/')}".rstrip("/")


@lru_cache(maxsize=8)  # a connection each
def _open_filesystem(root: str) -> tuple[FileSystem, str]:
    from pyarrow.fs import FileSystem

    filesystem, top = FileSystem.from_uri(root)
    return filesystem, str(top)


@contextmanager
def _filesystem_errors(uri: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResourceError(
            "filesystem-unreachable",
            f"{hide_account(uri)!r} cannot be reached: {take_first_line(error)}",
            why="its file system does not answer, or refuses this account",
            fix="Check the name, the account in the environment, and the network",
        ) from error
