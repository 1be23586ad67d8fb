"""One file of rows: looked at once, then read, whatever its kind and compression are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from typing import BinaryIO

from albertkit.errors import AlbertKitError
from albertkit.tables.arrow.chunks import read_table
from albertkit.tables.arrow.reading import columns_of, opened_table
from albertkit.tables.cells import CellType
from albertkit.tables.chunk import Piece
from albertkit.tables.filesystems.remote import is_uri
from albertkit.tables.filesystems.streams import (
    called,
    decompressed,
    looked_at,
    opened,
    seekable,
    size_of,
    told_as_unreadable_rows,
)
from albertkit.tables.formats import SEPARATORS, Kind, Packing, kind_of, packing_of
from albertkit.tables.readers.json_lines import columns_in, read_json_lines
from albertkit.tables.readers.lines import read_lines
from albertkit.tables.readers.separated import header_in, read_separated

TABLES: tuple[Kind, ...] = ("parquet", "arrow", "arrow-stream")


@dataclass(frozen=True, slots=True)
class RowFile:
    """What a look at a file's beginning, or at its metadata, tells.

    name: as it was given, for messages and lists. path: where it is opened. size: bytes on disk;
    None for a stream. rows: where metadata tell. columns: name → type; none in plain lines, None
    where the beginning doesn't tell. stream: what can be read but once. error: why it cannot be
    read.
    """

    name: str
    path: str
    size: int | None = None
    kind: Kind = "lines"
    packing: Packing | None = None
    rows: int | None = None
    columns: Mapping[str, CellType] | None = None
    stream: BinaryIO | None = None
    error: AlbertKitError | None = None

    def pieces(
        self,
        column: str,
        keep: Mapping[str, CellType],
        skip: int,
        brought: Callable[[int], None] | None = None,
    ) -> Iterator[Piece | int]:
        """The rows behind the first `skip`; a number where so many of those were passed over.

        brought: as of `opened`; not told of a table, nor of a stream.
        Raises FormatError, ResourceError [file-unreadable] where the file cannot be read on.
        """
        with told_as_unreadable_rows(called(self.name)), self._contents(brought) as stream:
            match self.kind:
                case "lines":
                    yield from read_lines(stream, skip)
                case "jsonl":
                    yield from read_json_lines(stream, column, keep, skip)
                case "csv" | "tsv":
                    yield from read_separated(
                        stream, SEPARATORS[self.kind], column, tuple(keep), skip
                    )
                case "parquet" | "arrow" | "arrow-stream":
                    table = opened_table(
                        stream, self.kind, called(self.name), mapped=self.mapped_path()
                    )
                    if skip and table.rows is not None:
                        yield min(skip, table.rows)
                    yield from read_table(table, column, tuple(keep), skip)

    @contextmanager
    def _contents(self, brought: Callable[[int], None] | None) -> Iterator[BinaryIO]:
        if self.stream is not None:
            yield self.stream
            return
        with (
            opened(self.path, called(self.name), brought) as stream,
            decompressed(stream, self.packing) as contents,
        ):
            if self.packing is None or self.kind not in TABLES:
                yield contents
                return
            with seekable(contents) as laid:
                yield laid

    def mapped_path(self) -> str | None:
        """Where the system's cache of this file can be read without a copy, if it can."""
        there = self.stream is None and self.packing is None and not is_uri(self.path)
        return self.path if there else None


def looked_into(name: str, told: Kind | None = None) -> RowFile:
    """What a look tells; errors are held, but for ResourceError [extra-missing].

    told: the kind, for a file whose first bytes don't tell it.
    """
    size = None
    try:
        with told_as_unreadable_rows(called(name)):
            size = size_of(name)
            return _looked_into(name, size, told)
    except AlbertKitError as error:
        if error.diagnostic.code == "extra-missing":
            raise
        # a copy: the error itself holds the frames that it came through, and so the file open
        return RowFile(name, name, size, error=copy(error))


def _looked_into(name: str, size: int | None, told: Kind | None) -> RowFile:
    head, stream = looked_at(opened(name, called(name)))
    packing = packing_of(head)
    if packing is not None:
        head, stream = looked_at(decompressed(stream, packing))
    kind = kind_of(head, called(name), told)
    if kind in TABLES:
        if packing is None and size is not None:
            stream.close()
            stream = opened(name, called(name))
        else:
            stream = seekable(stream)
    found = RowFile(name, name, size, kind, packing, stream=stream if size is None else None)
    rows, columns = _told_by(head, stream, found)
    if size is not None:
        stream.close()
    return replace(found, rows=rows, columns=columns)


def _told_by(
    head: bytes, stream: BinaryIO, found: RowFile
) -> tuple[int | None, Mapping[str, CellType] | None]:
    match found.kind:
        case "lines":
            return None, {}
        case "jsonl":
            return None, columns_in(head)
        case "csv" | "tsv":
            names = header_in(head, SEPARATORS[found.kind], called(found.name))
            return None, dict.fromkeys(names, "string") if names else None
        case "parquet" | "arrow" | "arrow-stream":
            table = opened_table(stream, found.kind, called(found.name), mapped=found.mapped_path())
            return table.rows, columns_of(table, called(found.name))
