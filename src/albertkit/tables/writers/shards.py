"""The shards of an output directory: their names, which are finished, and how one is written.

Shard k holds the results of the input rows k·S to (k + 1)·S − 1 without the invalid ones, which
are listed in a file next to it. A shard that has its name is complete: it is renamed in one step
when it and its list of invalid rows are on the disk.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from types import MappingProxyType
from typing import BinaryIO

import numpy as np

from albertkit.errors import FormatError
from albertkit.fileformats.npy import NPY_ERRORS
from albertkit.fileformats.reader import read_errors
from albertkit.tables.arrow.reading import open_table
from albertkit.tables.cells import CellType
from albertkit.tables.filesystems.remote_path import AnyPath
from albertkit.tables.formats import TableFormat
from albertkit.tables.table import Table
from albertkit.tables.writers.files import create_table
from albertkit.tables.writers.invalid_rows import InvalidRowList, create_invalid_row_list
from albertkit.tables.writers.text import TableWriter

LOGGER = logging.getLogger(__name__)


def is_complete(file: BinaryIO, shard_format: str) -> bool:
    """Whether a shard ends where its own bytes say; its rows are not read."""
    return COMPLETENESS_CHECKS[shard_format](file)


def _is_complete_table(table_format: TableFormat, file: BinaryIO) -> bool:
    try:
        open_table(file, table_format, "")
    except FormatError:
        return False
    return True


def _is_complete_npy(file: BinaryIO) -> bool:
    try:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    except NPY_ERRORS:
        return False
    begin = file.seek(0, os.SEEK_CUR)
    return file.seek(0, os.SEEK_END) == begin + dtype.itemsize * int(np.prod(shape))


def _is_complete_text(file: BinaryIO) -> bool:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 1))
    return file.read() in (b"", b"\n")


def _is_gzip(file: BinaryIO) -> bool:
    """Only decompressing finds the end of a .gz file: its name has to be enough."""
    return file.read(2) == b"\x1f\x8b"


COMPLETENESS_CHECKS: Mapping[str, Callable[[BinaryIO], bool]] = MappingProxyType(
    {
        "parquet": partial(_is_complete_table, "parquet"),
        "arrow": partial(_is_complete_table, "arrow"),
        "npy": _is_complete_npy,
        "jsonl": _is_complete_text,
        "jsonl.gz": _is_gzip,
    }
)
SHARD_FORMATS = tuple(COMPLETENESS_CHECKS)


def choose_shard_format() -> str:
    """Parquet if pyarrow is installed, else JSON lines, which need no extra."""
    return "jsonl" if find_spec("pyarrow") is None else "parquet"


@dataclass(frozen=True, slots=True)
class ShardWriter:
    """Writes one shard.

    Args:
        writer: Writes the results of valid rows.
        invalid: Lists the other rows.
    """

    writer: TableWriter
    invalid: InvalidRowList

    def write(self, table: Table) -> None:
        """Append the rows; one table must be written, even if it has no rows."""
        self.writer.write(table)


@dataclass(frozen=True, slots=True)
class Shards:
    """What a process must know to write a shard; can be pickled.

    Args:
        directory: The output directory.
        shard_format: One of SHARD_FORMATS.
        types: Types of the columns that are kept with the results.
    """

    directory: AnyPath
    shard_format: str = "parquet"
    types: Mapping[str, CellType] = field(default_factory=dict)

    def path(self, number: int) -> AnyPath:
        """The path of a shard."""
        return self.directory / f"part-{number:05d}.{self.shard_format}"

    def invalid_rows_path(self, number: int) -> AnyPath:
        """The path of the list of a shard's invalid rows, JSON lines; absent if all are valid."""
        return self.directory / f"_invalid-{number:05d}.jsonl"

    def complete_shards(self) -> frozenset[int]:
        """The numbers of the shards that are complete."""
        pattern = re.compile(rf"part-(\d{{5,}})\.{re.escape(self.shard_format)}")
        with read_errors(str(self.directory)):
            matches = [(path, pattern.fullmatch(path.name)) for path in self.directory.iterdir()]
        return frozenset(
            int(match[1]) for path, match in matches if match and self._is_complete(path)
        )

    @contextmanager
    def writing(self, number: int) -> Iterator[ShardWriter]:
        """Open a shard that appears when the block ends without an error.

        Raises:
            ResourceError: [write-failed].
        """
        with (
            create_table(self.path(number), self.types) as writer,
            create_invalid_row_list(self.invalid_rows_path(number)) as invalid,
        ):
            yield ShardWriter(writer, invalid)

    def _is_complete(self, path: AnyPath) -> bool:
        with read_errors(str(path)), path.open("rb") as file:
            complete = is_complete(file, self.shard_format)
        if not complete:
            LOGGER.warning("%s is truncated, and is made again", path)
        return complete
