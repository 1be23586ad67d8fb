"""The shards of an output directory: their names, which of them are whole, and writing one.

Shard k holds the answers to the input rows k·S to (k + 1)·S − 1, less the bad ones, which are
listed in a file beside it. A shard that has its name is whole: it got it in one step, when it and
its invalid rows lay on the disk.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from tokenize import TokenError
from types import MappingProxyType
from typing import BinaryIO

import numpy as np

from albertkit.errors import FormatError
from albertkit.fileformats.reader import read_errors
from albertkit.tables.arrow.reading import open_table
from albertkit.tables.cells import CellType
from albertkit.tables.filesystems.remote_path import AnyPath
from albertkit.tables.formats import Kind
from albertkit.tables.table import Table
from albertkit.tables.writers.files import new_table
from albertkit.tables.writers.invalid_rows import InvalidRowList, new_invalid_row_list
from albertkit.tables.writers.text import TableWriter

LOGGER = logging.getLogger(__name__)

# What numpy says of a damaged .npy: a header that it cannot parse it takes for one of Python 2, and
# fails at that a second time; names that it cannot sort are a TypeError (2.4).
NPY_DAMAGE = (ValueError, TypeError, EOFError, SyntaxError, TokenError)


def is_complete(file: BinaryIO, kind: str) -> bool:
    """Whether the file of one of sharded kinds ends where it should."""
    return COMPLETENESS_CHECKS[kind](file)


def _table(kind: Kind, file: BinaryIO) -> bool:
    try:
        open_table(file, kind, "")
    except FormatError:
        return False
    return True


def _npy(file: BinaryIO) -> bool:
    try:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    except NPY_DAMAGE:
        return False
    begin = file.tell()
    return file.seek(0, os.SEEK_END) == begin + dtype.itemsize * int(np.prod(shape))


def _lines(file: BinaryIO) -> bool:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 1))
    return file.read() in (b"", b"\n")


def _packed(file: BinaryIO) -> bool:
    """Its end can only be found by decompressing it: that it has its name must do."""
    return file.read(2) == b"\x1f\x8b"


COMPLETENESS_CHECKS: Mapping[str, Callable[[BinaryIO], bool]] = MappingProxyType(
    {
        "parquet": partial(_table, "parquet"),
        "arrow": partial(_table, "arrow"),
        "npy": _npy,
        "jsonl": _lines,
        "jsonl.gz": _packed,
    }
)

SHARD_FORMATS = tuple(COMPLETENESS_CHECKS)


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard while it is written; bad: its rows that have no answer."""

    writer: TableWriter
    invalid: InvalidRowList

    def write(self, table: Table) -> None:
        """Append the rows; one table must be written, though it has no rows."""
        self.writer.write(table)


@dataclass(frozen=True, slots=True)
class Shards:
    """What whoever writes a shard must know; it can be sent to other processes.

    kind: one of KINDS. types: of the columns that are kept beside the answers.
    """

    directory: AnyPath
    kind: str = "parquet"
    types: Mapping[str, CellType] = field(default_factory=dict)

    def path(self, number: int) -> AnyPath:
        """The file of a shard."""
        return self.directory / f"part-{number:05d}.{self.kind}"

    def invalid_rows_path(self, number: int) -> AnyPath:
        """The file that lists a shard's invalid rows, where it has some: JSON lines."""
        return self.directory / f"_invalid-{number:05d}.jsonl"

    def finished(self) -> frozenset[int]:
        """The shards that are there, whole."""
        name = re.compile(rf"part-(\d{{5,}})\.{re.escape(self.kind)}")
        with read_errors(str(self.directory)):
            found = [(path, name.fullmatch(path.name)) for path in self.directory.iterdir()]
        return frozenset(int(match[1]) for path, match in found if match and self._is_whole(path))

    @contextmanager
    def writing(self, number: int) -> Iterator[Shard]:
        """A shard that is there when the block ends well, and else is not.

        Raises ResourceError [write-failed].
        """
        with (
            new_table(self.path(number), self.types) as writer,
            new_invalid_row_list(self.invalid_rows_path(number)) as invalid,
        ):
            yield Shard(writer, invalid)

    def _is_whole(self, path: AnyPath) -> bool:
        with read_errors(str(path)), path.open("rb") as file:
            whole = is_complete(file, self.kind)
        if not whole:
            LOGGER.warning("%s is cut off, and is made again", path)
        return whole
