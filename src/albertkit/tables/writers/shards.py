"""The shards of an output directory: their names, which of them are whole, and writing one.

Shard k holds the answers to the input rows k·S to (k + 1)·S − 1, less the bad ones, which are
listed in a file beside it. A shard that has its name is whole: it got it in one step, when it and
its bad rows lay on the disk.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from albertkit.fileformats.reader import read_errors
from albertkit.tables.cells import CellType
from albertkit.tables.filesystems.remote_path import AnyPath
from albertkit.tables.table import Table
from albertkit.tables.writers.completeness import WHOLE, is_whole
from albertkit.tables.writers.files import new_table
from albertkit.tables.writers.invalid_rows import InvalidRowList, new_bad_list
from albertkit.tables.writers.streams import TableWriter

LOGGER = logging.getLogger(__name__)

KINDS = tuple(WHOLE)


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard while it is written; bad: its rows that have no answer."""

    writer: TableWriter
    bad: InvalidRowList

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

    def place(self, number: int) -> AnyPath:
        """The file of a shard."""
        return self.directory / f"part-{number:05d}.{self.kind}"

    def bad_place(self, number: int) -> AnyPath:
        """The file that lists a shard's bad rows, where it has some: JSON lines."""
        return self.directory / f"_bad-{number:05d}.jsonl"

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
            new_table(self.place(number), self.types) as writer,
            new_bad_list(self.bad_place(number)) as bad,
        ):
            yield Shard(writer, bad)

    def _is_whole(self, place: AnyPath) -> bool:
        with read_errors(str(place)), place.open("rb") as file:
            whole = is_whole(file, self.kind)
        if not whole:
            LOGGER.warning("%s is cut off, and is made again", place)
        return whole
