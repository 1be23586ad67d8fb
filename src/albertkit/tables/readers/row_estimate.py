"""How many rows there will be, where no file says so: by the bytes that were read so far."""

from __future__ import annotations

from albertkit.tables.readers.inputs import Inputs
from albertkit.tables.readers.table_file import TABLES


class RowEstimate:
    """Of inputs while they are read: those who read count rows and bytes here.

    Only files that do not say how many rows they have are counted, bytes as they lie on disk.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._rows = 0
        self._read = 0
        self._together = 0, 0  # rows, and the bytes that they had, when more were asked for
        silent = [file for file in inputs.files if file.rows is None and not file.error]
        sizes = [file.size for file in silent if file.size is not None and file.kind not in TABLES]
        # None: of a pipe, or of a table, of whose bytes nobody tells as they are mapped
        self._bytes = sum(sizes) if len(sizes) == len(silent) else None
        self._known = sum(1 if file.error else file.rows or 0 for file in inputs.files)

    def rows(self) -> int | None:
        """About how many there are in all, exactly at the end; None where nothing tells yet."""
        if self._bytes == 0:
            return self._known
        rows, size = self._together
        if self._bytes is None or not size:
            return None
        return self._known + max(self._rows, round(rows * self._bytes / size))

    def brought(self, count: int) -> None:
        """Count so many bytes; the first behind a row are asked for when all before are used up."""
        if self._rows > self._together[0]:
            self.settled()
        self._read += count

    def given(self, rows: int) -> None:
        """Count so many rows."""
        self._rows += rows

    def settled(self) -> None:
        """All rows of the bytes that were brought are given: so it is at a file's end."""
        self._together = self._rows, self._read
