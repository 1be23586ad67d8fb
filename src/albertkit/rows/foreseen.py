"""How many rows there will be, where no file says so: by the bytes that were read so far."""

from __future__ import annotations

from albertkit.rows.inputs import Inputs


class Foreseen:
    """Of inputs while they are read: those who read count rows and bytes here.

    Only files that do not say how many rows they have are counted, bytes as they lie on disk.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.rows_read = 0
        self.bytes_read = 0
        silent = [file for file in inputs.files if file.rows is None and not file.error]
        sizes = [file.size for file in silent if file.size is not None]
        self._bytes = sum(sizes) if len(sizes) == len(silent) else None  # None: of a pipe
        self._known = sum(1 if file.error else file.rows or 0 for file in inputs.files)

    def rows(self) -> int | None:
        """About how many there are in all, exactly at the end; None where nothing tells yet."""
        if self._bytes == 0:
            return self._known
        if self._bytes is None or not self.rows_read or not self.bytes_read:
            return None
        part = min(1.0, self.bytes_read / self._bytes)
        return self._known + round(self.rows_read / part)

    def brought(self, count: int) -> None:
        """Count so many bytes."""
        self.bytes_read += count
