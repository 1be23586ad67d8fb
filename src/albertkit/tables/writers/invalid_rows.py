"""List the invalid rows of an output in a file next to it, which is complete or absent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import BinaryIO

from albertkit.fileformats.atomic import write_errors
from albertkit.tables.filesystems.remote_path import AnyPath, create_file
from albertkit.tables.table import InvalidRow


class InvalidRowList:
    """Writes invalid rows to a file as they come."""

    def __init__(self, open_file: Callable[[], BinaryIO]) -> None:
        """Start an empty list.

        Args:
            open_file: Opens the file when the first row comes.
        """
        self.rows = 0  # that are listed so far, those of lost parts of files counted
        self._open_file = open_file
        self._file: BinaryIO | None = None

    def add(self, invalid: Iterable[InvalidRow]) -> None:
        """Write a line of JSON for each row; its number counts from 1, as in messages."""
        for row in invalid:
            if self._file is None:
                self._file = self._open_file()
            line = json.dumps({**asdict(row), "number": row.number + 1}, ensure_ascii=False) + "\n"
            # a file's name need not be UTF-8: its other bytes become JSON's \\udcff
            self._file.write(line.encode(errors="backslashreplace"))
            self.rows += row.rows


@contextmanager
def create_invalid_row_list(path: AnyPath) -> Iterator[InvalidRowList]:
    """Open a list that appears at `path` when the block ends, if any row was invalid.

    Raises:
        ResourceError: [write-failed].
    """
    with ExitStack() as files:
        row_list = InvalidRowList(lambda: files.enter_context(create_file(path)))
        yield row_list
    if not row_list.rows:
        with write_errors(str(path)):
            path.unlink(missing_ok=True)  # of an earlier run, before its inputs were corrected
