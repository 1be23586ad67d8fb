"""Read bytes of unknown origin: mapped files, a bounds-checked cursor over them, and JSON.

Slicing past the end of the bytes is an error here; Python itself would return fewer bytes.
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
from albertkit.errors.exceptions import count_noun

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

# What a failed download leaves under the file's name: first bytes in lower case, what it is, why,
# and what to do.
FAILED_DOWNLOADS = (
    (
        b"version https://git-lfs",
        "this is a Git LFS pointer, not the file itself",
        "it only names the real file's hash",
        "Run `git lfs pull` in that repository, or download the file itself",
    ),
    *(
        (
            prefix,
            "this is a web page, not the file itself",
            "a site that refuses a download answers with a page, which was saved under this name",
            "Open it in a browser to see its message, then download the file again",
        )
        for prefix in (b"<!doctype html", b"<html")
    ),
)
JSON_CAP = 64 * 2**20  # the largest known tokenizer.json (200,000 pieces) has 17 MB
LONGEST_VARINT = 10  # bytes of a 64-bit number


class ByteReader:
    """A cursor over bytes that never reads past their end.

    Attributes:
        data: The bytes, not copied.
        name: The file's name, for messages.
        offset: Index in `data` of the next byte.
        kind: What the file should be, for messages: "a SavedModel".
        part: The structure that `data` is, if it is one of a larger file: "object header". An end
            that comes too early is then [file-malformed], else [file-truncated].
        start: Offset in the file of the first byte of `data`, for messages.
    """

    __slots__ = ("data", "kind", "name", "offset", "part", "start")

    def __init__(
        self,
        data: bytes | memoryview,
        name: str,
        offset: int = 0,
        *,
        kind: str = "a file of this format",
        part: str = "",
        start: int = 0,
    ) -> None:
        """Start at `offset`."""
        self.data = memoryview(data)
        self.name = name
        self.offset = offset
        self.kind = kind
        self.part = part
        self.start = start

    @property
    def remaining(self) -> int:
        """The number of bytes from the offset to the end."""
        return len(self.data) - self.offset

    def take(self, count: int, what: str = "data") -> memoryview:
        """Take the next bytes.

        Args:
            count: How many; not negative.
            what: What they are, for the message.

        Returns:
            A view of the bytes.

        Raises:
            FormatError: [file-truncated] or [file-malformed] if fewer are left.
        """
        if count > self.remaining:
            raise self._end_too_early(count, what)
        end = self.offset + count
        taken = self.data[self.offset : end]
        self.offset = end
        return taken

    def take_part(self, count: int, part: str = "") -> ByteReader:
        """Take the next bytes as a structure of their own, `part`, else the same as this one."""
        start = self.start + self.offset
        data = self.take(count)
        return ByteReader(data, self.name, kind=self.kind, part=part or self.part, start=start)

    def unpack(self, layout: str) -> tuple[int, ...]:
        """Take little-endian numbers, without padding, by the letters of the module struct."""
        layout = f"<{layout}"
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def take_u64(self, what: str = "data") -> int:
        """Take eight bytes as a little-endian number."""
        return int.from_bytes(self.take(8, what), "little")

    def take_varint(self) -> int:
        """Take a number of seven bits a byte, the lowest first (protobuf, LevelDB)."""
        value = 0
        for shift in range(0, 7 * LONGEST_VARINT, 7):
            if self.offset == len(self.data):
                raise self._end_too_early(1, "data")
            byte = self.data[self.offset]
            self.offset += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise self.format_error(f"a number is longer than {LONGEST_VARINT} bytes")

    def expect(self, signature: bytes) -> None:
        """Take the signature of a structure; raise FormatError [file-malformed] for other bytes."""
        taken = bytes(self.take(len(signature)))
        if taken != signature:
            raise self.format_error(f"its {self.part} begins with {taken!r}, not {signature!r}")

    def format_error(self, what: str) -> FormatError:
        """Make the error for contents that contradict themselves or the format."""
        return format_error(
            f"{what} (near byte {self.start + self.offset:,})",
            why=f"this is not valid in {self.kind}",
            where=self.name,
        )

    def _end_too_early(self, count: int, what: str) -> FormatError:
        missing = count - self.remaining
        if self.part:
            return self.format_error(f"its {self.part} is {count_noun(missing, 'byte')} too short")
        return FormatError(
            "file-truncated",
            f"the file ends {count_noun(missing, 'byte')} early, in its {what}",
            why=f"at byte {self.start + self.offset:,} it needs {count_noun(count, 'byte')} and "
            f"has {self.remaining:,}",
            fix="Download or copy it again",
            where=self.name,
        )


def format_error(what: str, *, why: str, where: str) -> FormatError:
    """Make the error for a file that contradicts itself or its format.

    Args:
        what: What is wrong, with the value seen.
        why: Which rule of the format it breaks.
        where: The file's name.

    Returns:
        FormatError [file-malformed].
    """
    return FormatError(
        "file-malformed", what, why=why, fix="Download or write the file again", where=where
    )


def map_file(path: Path) -> memoryview:
    """Map a file read-only: a byte is read from disk when it is first used.

    Args:
        path: A regular file.

    Returns:
        Its bytes; the mapping is closed with the last view of them.

    Raises:
        InputError: [file-not-found].
        FormatError: [file-wrong-format] for a Git LFS pointer or a web page, [file-truncated] for
            an empty file.
        ResourceError: [file-unreadable].
    """
    if not path.is_file():
        what = f"there is no file {str(path)!r}"
        if path.is_dir():
            what = f"{str(path)!r} is a directory, and a file is needed"
        raise InputError("file-not-found", what, fix="Check the path")
    with read_errors(path), path.open("rb") as file:
        if not file.read(1):
            raise FormatError(
                "file-truncated",
                "the file is empty",
                why="an interrupted download or a full disk leaves empty files",
                fix="Download or copy it again",
                where=str(path),
            )
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    first_bytes = bytes(data[:64]).lstrip().lower()
    for prefix, what, why, fix in FAILED_DOWNLOADS:
        if first_bytes.startswith(prefix):
            raise FormatError("file-wrong-format", what, why=why, fix=fix, where=str(path))
    return data


@contextmanager
def read_errors(path: Path | str) -> Iterator[None]:
    """Turn an OSError of the block into ResourceError [file-unreadable]."""
    try:
        yield
    except OSError as error:
        raise ResourceError(
            "file-unreadable",
            f"{str(path)!r} could not be read: {error.strerror or error}",
            why="the operating system refused to read it",
            fix="Check its permissions (ls -l), and that its disk works",
        ) from error


def read_json(path: Path) -> dict[str, JsonValue]:
    """Read a JSON file that holds an object.

    Args:
        path: At most 64 MiB of UTF-8.

    Returns:
        The object.

    Raises:
        FormatError: [json-malformed], also for a key that occurs twice; others as `map_file`.
        InputError: [file-not-found].
        ResourceError: [file-unreadable].
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
    """Parse a JSON object.

    Args:
        data: UTF-8, with or without a byte order mark.
        name: The file's name, for messages.

    Returns:
        The object.

    Raises:
        FormatError: [json-malformed], also for a key that occurs twice.
    """
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_make_object)
    except (ValueError, RecursionError) as error:
        raise _json_error(name, f"it cannot be parsed: {error}") from error
    if not isinstance(value, dict):
        raise _json_error(name, f"it holds a {type(value).__name__}, not an object")
    return value


def _make_object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """Make an object of its pairs; a repeated key is an error."""
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} occurs twice")
    return value


def _json_error(name: str, what: str) -> FormatError:
    return FormatError(
        "json-malformed",
        what,
        why="a JSON object was expected",
        fix="Download or write it again",
        where=name,
    )
