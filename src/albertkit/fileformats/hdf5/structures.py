"""The bytes of an HDF5 file, taken structure by structure from anywhere in it.

In: a mapped file. Out: parts, which know where they end. In a well-made file no two structures
share a byte; so whoever takes more bytes than the file has follows its links in a circle, and is
stopped: time and memory are bounded by the file's size.
"""

from __future__ import annotations

import struct

from albertkit.errors import FormatError
from albertkit.fileformats.reader import ByteReader

NOWHERE = 2**64 - 1  # an address that leads to nothing


class Part:
    """The bytes of one structure, taken from front to back.

    what: the structure's name. file: the file's name.
    """

    __slots__ = ("at", "data", "file", "what")

    def __init__(self, data: memoryview, what: str, file: str) -> None:
        self.data = data
        self.what = what
        self.file = file
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> memoryview:
        """The next `count` bytes; raises FormatError [file-malformed] past the part's end."""
        if count > self.left:
            raise malformed(self.file, f"its {self.what} is {count - self.left} bytes too short")
        start = self.at
        self.at += count
        return self.data[start : self.at]

    def numbers(self, layout: str) -> tuple[int, ...]:
        """The next numbers: struct's letters, little-endian, without padding."""
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def expect(self, signature: bytes) -> None:
        """Take the signature with which a structure begins; raises [file-malformed]."""
        found = bytes(self.take(len(signature)))
        if found != signature:
            raise malformed(self.file, f"its {self.what} begins with {found!r}, not {signature!r}")


class FileParts:
    """Parts of one file by their addresses, altogether as many bytes as the file has."""

    __slots__ = ("_untaken", "data", "file")

    def __init__(self, data: memoryview, file: str) -> None:
        self.data = data
        self.file = file
        self._untaken = len(data)

    def part(self, address: int, size: int, what: str) -> Part:
        """The `size` bytes at `address`; raises FormatError [file-truncated], [file-malformed]."""
        self._untaken -= size
        taken = ByteReader(self.data, self.file, address).take(size, what)
        if self._untaken < 0:
            raise malformed(self.file, f"its {what} is a part of something else, or of itself")
        return Part(taken, what, self.file)


def malformed(file: str, what: str) -> FormatError:
    """The error for a file that contradicts itself."""
    return FormatError(
        "file-malformed",
        what,
        why="no program writes HDF5 so",
        fix="Download or write the file again",
        where=file,
    )


def unknown(file: str, what: str) -> FormatError:
    """The error for what HDF5 has, and the files of Keras do not."""
    return FormatError(
        "hdf5-feature-unsupported",
        what,
        why="Keras saves weights in the plainest form of HDF5, and only that is read here",
        fix="Save the weights again with Keras, as it does by default",
        where=file,
    )
