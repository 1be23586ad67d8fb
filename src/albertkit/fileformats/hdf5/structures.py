"""The structures of an HDF5 file, read by their addresses.

In a valid file no two structures share a byte. A reader that takes more bytes than the file has
therefore follows its links in a circle and is stopped: the file's size bounds time and memory.
"""

from __future__ import annotations

from albertkit.errors import FormatError
from albertkit.fileformats.reader import ByteReader, format_error

NOWHERE = 2**64 - 1  # an address that leads to nothing
KIND = "HDF5"


class Structures:
    """The structures of one file, together at most as many bytes as the file has."""

    __slots__ = ("_unread", "data", "name")

    def __init__(self, data: memoryview, name: str) -> None:
        """Take a whole file's bytes, and its name for messages."""
        self.data = data
        self.name = name
        self._unread = len(data)

    def open(self, address: int, size: int, part: str) -> ByteReader:
        """Open one structure.

        Args:
            address: Its offset in the file.
            size: Its bytes.
            part: What it is, for messages: "object header".

        Returns:
            A reader of the structure.

        Raises:
            FormatError: [file-truncated], [file-malformed].
        """
        self._unread -= size
        data = ByteReader(self.data, self.name, address, kind=KIND).take(size, part)
        if self._unread < 0:
            raise self.format_error(f"its {part} is a part of another structure, or of itself")
        return ByteReader(data, self.name, kind=KIND, part=part, start=address)

    def format_error(self, what: str) -> FormatError:
        """Make the error for a file that contradicts itself."""
        return format_error(what, why=f"this is not valid in {KIND}", where=self.name)


def feature_error(name: str, what: str) -> FormatError:
    """Make the error for a part of HDF5 that the files of Keras do not use."""
    return FormatError(
        "hdf5-feature-unsupported",
        what,
        why="Keras saves weights in the plainest form of HDF5, and only that form is read",
        fix="Save the weights again with Keras, with its default settings",
        where=name,
    )
