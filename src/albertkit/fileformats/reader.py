"""Bytes from strangers, taken through readers that know where the bytes end.

In: a file. Out: a mapped, read-only view of it, small pieces of it, or its parsed JSON. Slicing
past an end is an error here, never silently short.
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from albertkit.errors import FormatError, InputError, ResourceError

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

# What lies in a file's place when a download went wrong: its beginning in small letters, what it
# is, why that is not the file, and what to do.
STAND_INS = (
    (
        b"version https://git-lfs",
        "this is a Git LFS pointer, not the file itself",
        "it only names the real file's hash",
        "Run `git lfs pull` in that repository, or download the file itself",
    ),
    *(
        (
            beginning,
            "this is a web page, not the file itself",
            "a site that refuses a download answers with a page, which was saved under this name",
            "Open it in a browser to see what it says, then download the file again",
        )
        for beginning in (b"<!doctype html", b"<html")
    ),
)
JSON_CAP = 64 * 2**20  # the largest honest tokenizer.json (200,000 pieces) has 17 MB


class ByteReader:
    """Takes bytes from front to back and knows where they end.

    data: the bytes, not copied. name: of the file, for messages. at: the next byte's number.
    """

    __slots__ = ("at", "data", "name")

    def __init__(self, data: memoryview, name: str, at: int = 0) -> None:
        self.data = data
        self.name = name
        self.at = at

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int, what: str = "data") -> memoryview:
        """The next `count` bytes; raises FormatError [file-truncated] where there are fewer."""
        if count > self.left:
            raise FormatError(
                "file-truncated",
                f"the file ends {count - self.left:,} bytes early, in its {what}",
                why=f"it has {len(self.data):,} bytes",
                fix="Download or copy it again",
                where=self.name,
            )
        start = self.at
        self.at += count
        return self.data[start : self.at]

    def take_u64(self, what: str = "data") -> int:
        """The next eight bytes as a little-endian number."""
        number: int = struct.unpack("<Q", self.take(8, what))[0]
        return number


def map_file(path: Path) -> memoryview:
    """Map a file read-only: a byte is read from disk when it is touched.

    Raises InputError [file-not-found]; FormatError [file-wrong-format] for a Git LFS pointer or a
    web page, [file-truncated] for an empty file; ResourceError [file-unreadable].
    """
    if not path.is_file():
        raise InputError("file-not-found", f"there is no file {str(path)!r}", fix="Check the path")
    with read_errors(path), path.open("rb") as file:
        if not file.read(1):
            raise FormatError(
                "file-truncated",
                "the file is empty",
                why="nothing of its contents arrived",
                fix="Download or copy it again",
                where=str(path),
            )
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    begins = bytes(mapped[:64]).lstrip().lower()
    for beginning, what, why, fix in STAND_INS:
        if begins.startswith(beginning):
            raise FormatError("file-wrong-format", what, why=why, fix=fix, where=str(path))
    return mapped


@contextmanager
def read_errors(path: Path | str) -> Iterator[None]:
    """Turn what the system says into ResourceError [file-unreadable]."""
    try:
        yield
    except OSError as error:
        raise ResourceError(
            "file-unreadable",
            f"{str(path)!r} could not be read: {error.strerror or error}",
            why="the system refuses it",
            fix="Check who may read it (ls -l), and that its disk is well",
        ) from error


def read_json(path: Path) -> dict[str, JsonValue]:
    """Read a JSON file that holds an object.

    Raises InputError [file-not-found], FormatError [json-malformed] or as `map_file`.
    """
    data = map_file(path)
    if len(data) > JSON_CAP:
        raise FormatError(
            "json-malformed",
            f"the file has {len(data):,} bytes",
            why=f"no file of this kind needs more than {JSON_CAP:,}",
            fix="Check where it came from",
            where=str(path),
        )
    return parse_json(bytes(data), str(path))


def parse_json(data: bytes, name: str) -> dict[str, JsonValue]:
    """Parse a JSON object; raises FormatError [json-malformed], also for a key given twice."""
    try:
        found = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_pairs_once)
    except (ValueError, RecursionError) as error:
        raise _json_error(name, f"it cannot be parsed: {error}") from error
    if not isinstance(found, dict):
        raise _json_error(name, f"it holds a {type(found).__name__}, not an object")
    return found


def _pairs_once(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return found


def _json_error(name: str, what: str) -> FormatError:
    return FormatError(
        "json-malformed",
        what,
        why="a JSON object was expected",
        fix="Download or write it again",
        where=name,
    )
