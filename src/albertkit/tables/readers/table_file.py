"""One file of rows: looked at once, then read, whatever its kind and compression are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from typing import BinaryIO

from albertkit.errors import AlbertKitError
from albertkit.tables.arrow.chunks import read_table
from albertkit.tables.arrow.reading import open_table, read_columns
from albertkit.tables.cells import CellType
from albertkit.tables.chunk import Chunk
from albertkit.tables.filesystems.remote import is_uri
from albertkit.tables.filesystems.streams import (
    called,
    decoding_errors,
    decompress,
    file_size,
    opened,
    peek,
    spool,
)
from albertkit.tables.formats import (
    DELIMITERS,
    Compression,
    Kind,
    detect_compression,
    detect_format,
)
from albertkit.tables.readers.json_lines import columns_in, read_json_lines
from albertkit.tables.readers.lines import read_lines
from albertkit.tables.readers.separated import header_in, read_separated

TABLES: tuple[Kind, ...] = ("parquet", "arrow", "arrow-stream")


@dataclass(frozen=True, slots=True)
class InputFile:
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
    compression: Compression | None = None
    rows: int | None = None
    columns: Mapping[str, CellType] | None = None
    stream: BinaryIO | None = None
    error: AlbertKitError | None = None

    def pieces(
        self,
        column: str,
        keep: Mapping[str, CellType],
        skip: int,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[Chunk | int]:
        """The rows behind the first `skip`; a number where so many of those were passed over.

        brought: as of `opened`; not told of a table, nor of a stream.
        Raises FormatError, ResourceError [file-unreadable] where the file cannot be read on.
        """
        with decoding_errors(called(self.name)), self._contents(on_bytes) as stream:
            match self.kind:
                case "lines":
                    yield from read_lines(stream, skip)
                case "jsonl":
                    yield from read_json_lines(stream, column, keep, skip)
                case "csv" | "tsv":
                    yield from read_separated(
                        stream, DELIMITERS[self.kind], column, tuple(keep), skip
                    )
                case "parquet" | "arrow" | "arrow-stream":
                    table = open_table(
                        stream, self.kind, called(self.name), mapped=self.mapped_path()
                    )
                    if skip and table.rows is not None:
                        yield min(skip, table.rows)
                    yield from read_table(table, column, tuple(keep), skip)

    @contextmanager
    def _contents(self, on_bytes: Callable[[int], None] | None) -> Iterator[BinaryIO]:
        if self.stream is not None:
            yield self.stream
            return
        with (
            opened(self.path, called(self.name), on_bytes) as stream,
            decompress(stream, self.compression) as contents,
        ):
            if self.compression is None or self.kind not in TABLES:
                yield contents
                return
            with spool(contents) as laid:
                yield laid

    def mapped_path(self) -> str | None:
        """Where the system's cache of this file can be read without a copy, if it can."""
        there = self.stream is None and self.compression is None and not is_uri(self.path)
        return self.path if there else None


def inspect_file(name: str, told: Kind | None = None) -> InputFile:
    """What a look tells; errors are held, but for ResourceError [extra-missing].

    told: the kind, for a file whose first bytes don't tell it.
    """
    size = None
    try:
        with decoding_errors(called(name)):
            size = file_size(name)
            return _looked_into(name, size, told)
    except AlbertKitError as error:
        if error.diagnostic.code == "extra-missing":
            raise
        # a copy: the error itself holds the frames that it came through, and so the file open
        return InputFile(name, name, size, error=copy(error))


def _looked_into(name: str, size: int | None, told: Kind | None) -> InputFile:
    head, stream = peek(opened(name, called(name)))
    compression = detect_compression(head)
    if compression is not None:
        head, stream = peek(decompress(stream, compression))
    kind = detect_format(head, called(name), told)
    if kind in TABLES:
        if compression is None and size is not None:
            stream.close()
            stream = opened(name, called(name))
        else:
            stream = spool(stream)
    found = InputFile(name, name, size, kind, compression, stream=stream if size is None else None)
    rows, columns = _told_by(head, stream, found)
    if size is not None:
        stream.close()
    return replace(found, rows=rows, columns=columns)


def _told_by(
    head: bytes, stream: BinaryIO, found: InputFile
) -> tuple[int | None, Mapping[str, CellType] | None]:
    match found.kind:
        case "lines":
            return None, {}
        case "jsonl":
            return None, columns_in(head)
        case "csv" | "tsv":
            names = header_in(head, DELIMITERS[found.kind], called(found.name))
            return None, dict.fromkeys(names, "string") if names else None
        case "parquet" | "arrow" | "arrow-stream":
            table = open_table(stream, found.kind, called(found.name), mapped=found.mapped_path())
            return table.rows, read_columns(table, called(found.name))
