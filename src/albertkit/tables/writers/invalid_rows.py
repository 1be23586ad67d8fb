"""The invalid rows of an output, listed beside it as they come; the list is whole or not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import BinaryIO

from albertkit.fileformats.atomic import write_errors
from albertkit.tables.batch import InvalidRow
from albertkit.tables.filesystems.remote_path import AnyPath, new_file


class InvalidRowList:
    """Takes invalid rows, none of which it holds. rows: how many they stand for so far."""

    def __init__(self, begin: Callable[[], BinaryIO]) -> None:
        self.rows = 0
        self._begin = begin
        self._file: BinaryIO | None = None

    def add(self, invalid: Iterable[InvalidRow]) -> None:
        """Write a line of JSON for each."""
        for each in invalid:
            if self._file is None:
                self._file = self._begin()
            line = json.dumps(asdict(each), ensure_ascii=False) + "\n"
            # names of files need not be UTF-8: a byte of another kind stands as JSON's \\udcff
            self._file.write(line.encode(errors="backslashreplace"))
            self.rows += each.rows


@contextmanager
def new_invalid_row_list(path: AnyPath) -> Iterator[InvalidRowList]:
    """A list that is at `place` when the block ends well; where none was bad, nothing is.

    Raises ResourceError [write-failed].
    """
    with ExitStack() as files:
        listed = InvalidRowList(lambda: files.enter_context(new_file(path)))
        yield listed
    if not listed.rows:
        with write_errors(str(path)):
            path.unlink(missing_ok=True)  # of an earlier run, before its inputs were mended
