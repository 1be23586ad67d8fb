"""A URI asked as a pathlib.Path is asked, for what writes either into a directory or a bucket."""

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
    is_directory,
    is_uri,
    join_uri,
    list_names,
    make_directory,
    new_object,
    remove,
    uri_size,
    without_account,
)
from albertkit.tables.filesystems.streams import opened

AnyPath: TypeAlias = "Path | RemotePath"


@dataclass(frozen=True, slots=True)
class RemotePath:
    """Raises as rows.filesystems and `opened` do."""

    uri: str

    def __str__(self) -> str:
        return without_account(self.uri)

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(join_uri(self.uri, name))

    @property
    def name(self) -> str:
        return PurePosixPath(unquote(urlsplit(self.uri).path)).name

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    def exists(self) -> bool:
        return uri_size(self.uri) is not None or self.is_dir()

    def is_dir(self) -> bool:
        return is_directory(self.uri)

    def iterdir(self) -> Iterator[RemotePath]:
        return (self / name for name in list_names(self.uri))

    def mkdir(self, *, parents: bool, exist_ok: bool) -> None:
        make_directory(self.uri)

    def unlink(self, missing_ok: bool = False) -> None:
        remove(self.uri)

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        return opened(self.uri, str(self))

    def read_bytes(self) -> bytes:
        with self.open("rb") as file:
            return file.read()


def path_of(name: str | os.PathLike[str]) -> AnyPath:
    """A Path, or a RemotePath where the name is a URI."""
    text = os.fspath(name)
    return RemotePath(text) if is_uri(text) else Path(text)


def new_file(path: AnyPath) -> AbstractContextManager[BinaryIO]:
    """Open a file for writing that is at `place`, whole, when the block ends well."""
    return new_object(path.uri) if isinstance(path, RemotePath) else atomic.new_file(path)
