"""A URI with the methods of a pathlib.Path, for output to a directory or a bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from albertkit.fileformats import atomic
from albertkit.tables.filesystems.remote import (
    create_object,
    hide_account,
    is_directory,
    is_uri,
    join_uri,
    list_names,
    make_directory,
    measure_uri,
    remove,
)
from albertkit.tables.filesystems.streams import open_input

AnyPath: TypeAlias = "Path | RemotePath"


@dataclass(frozen=True, slots=True)
class RemotePath:
    """A file or directory named by a URI; its methods are those of pathlib.Path.

    They raise as the functions of filesystems.remote and `open_input` do.
    """

    uri: str

    def __str__(self) -> str:
        """The URI without secrets."""
        return hide_account(self.uri)

    def __truediv__(self, name: str) -> RemotePath:
        """The URI of an entry of this directory."""
        return RemotePath(join_uri(self.uri, name))

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(unquote(urlsplit(self.uri).path)).name

    @property
    def suffix(self) -> str:
        """The name's suffix, with its dot."""
        return PurePosixPath(self.name).suffix

    def exists(self) -> bool:
        """Whether there is such a file or directory."""
        return measure_uri(self.uri) is not None or self.is_dir()

    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return is_directory(self.uri)

    def iterdir(self) -> Iterator[RemotePath]:
        """The entries of this directory."""
        return (self / name for name in list_names(self.uri))

    def mkdir(self, *, parents: bool, exist_ok: bool) -> None:
        """Make the directory."""
        make_directory(self.uri)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file, if it exists."""
        remove(self.uri)

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Open the file for reading."""
        return open_input(self.uri, str(self))

    def read_bytes(self) -> bytes:
        """Read the file's contents."""
        with self.open("rb") as file:
            return file.read()


def make_path(name: str | os.PathLike[str]) -> AnyPath:
    """Make a Path, or a RemotePath if the name is a URI."""
    text = os.fspath(name)
    return RemotePath(text) if is_uri(text) else Path(text)


def create_file(path: AnyPath) -> AbstractContextManager[BinaryIO]:
    """Open a new file that appears at `path`, complete, when the block ends without an error."""
    return create_object(path.uri) if isinstance(path, RemotePath) else atomic.create_file(path)
