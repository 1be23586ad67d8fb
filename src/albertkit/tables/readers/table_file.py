"""One input file: inspected once, then read, whatever its format and compression."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from typing import BinaryIO

from albertkit.errors import AlbertKitError, Diagnostic
from albertkit.errors.exceptions import list_names
from albertkit.tables.arrow.chunks import read_table
from albertkit.tables.arrow.reading import open_table, read_columns
from albertkit.tables.cells import CellType
from albertkit.tables.chunk import Chunk
from albertkit.tables.filesystems.remote import is_uri
from albertkit.tables.filesystems.streams import (
    convert_newlines,
    decoding_errors,
    decompress,
    make_display_name,
    make_name_cell,
    measure_file,
    open_input,
    peek,
    spool,
    transcode,
)
from albertkit.tables.formats import (
    DETECT_ALL,
    FORMAT_MAGIC,
    Compression,
    ReadOptions,
    TableFormat,
    detect_compression,
    detect_encoding,
    detect_format,
    ends_lines_with_returns,
)
from albertkit.tables.readers.json_lines import read_json_lines, sniff_columns
from albertkit.tables.readers.lines import DOCUMENT_COLUMNS, read_document, read_lines
from albertkit.tables.readers.separated import (
    CsvDialect,
    detect_dialect,
    looks_separated,
    read_header,
    read_separated,
)

LOGGER = logging.getLogger(__name__)

ARROW_FORMATS: tuple[TableFormat, ...] = ("parquet", "arrow", "arrow-stream")
TEXT = "text"  # the column that is read if no other is named
DELIMITER_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}


@dataclass(frozen=True, slots=True)
class InputFile:
    """What a file's beginning, or its metadata, says about it.

    Args:
        name: The name that the user gave, for messages and lists.
        path: Where the file is opened: a path, a URI or "-".
        size: Bytes on disk; None for a stream.
        file_format: The format of its rows.
        compression: Its compression, if any.
        encoding: The encoding of a text, as Python names it.
        has_returns: Whether the lines of a text end with a carriage return alone.
        dialect: How the records of CSV and TSV are written.
        rows: The number of rows, if metadata give it.
        columns: Name → type; {} for plain lines, None if the beginning does not show them.
        stream: What can be read only once, with its beginning.
        error: Why the file cannot be read.
    """

    name: str
    path: str
    size: int | None = None
    file_format: TableFormat = "lines"
    compression: Compression | None = None
    encoding: str = "utf-8"
    has_returns: bool = False
    dialect: CsvDialect = CsvDialect()  # noqa: RUF009  # frozen
    rows: int | None = None
    columns: Mapping[str, CellType] | None = None
    stream: BinaryIO | None = None
    error: AlbertKitError | None = None

    def chunks(
        self,
        column: str,
        keep: Mapping[str, CellType],
        skip: int,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[Chunk | int]:
        """Yield the rows after the first `skip`; a number is a count of skipped rows.

        Args:
            column: The column of texts.
            keep: Columns that are read too, with their types.
            skip: How many rows to leave out.
            on_bytes: As for `open_input`; not called for Arrow's formats and streams.

        Raises:
            FormatError: if the file cannot be read further.
            ResourceError: [file-unreadable], [filesystem-unreachable], [out-of-memory].
        """
        with decoding_errors(make_display_name(self.name)), self.contents(on_bytes) as stream:
            match self.file_format:
                case "lines":
                    yield from read_lines(stream, skip)
                case "document":
                    yield read_document(stream, make_name_cell(self.name), tuple(keep))
                case "jsonl":
                    yield from read_json_lines(stream, column, keep, skip)
                case "csv" | "tsv":
                    yield from read_separated(stream, self.dialect, column, tuple(keep), skip)
                case "parquet" | "arrow" | "arrow-stream":
                    table = open_table(
                        stream,
                        self.file_format,
                        make_display_name(self.name),
                        memory_map_path=self.memory_map_path(),
                    )
                    if skip and table.rows is not None:
                        yield min(skip, table.rows)
                    yield from read_table(table, column, tuple(keep), skip)

    @contextmanager
    def contents(self, on_bytes: Callable[[int], None] | None = None) -> Iterator[BinaryIO]:
        """Open the file, decompressed; text is UTF-8."""
        if self.stream is not None:
            yield self.stream
            return
        name = make_display_name(self.name)
        with (
            open_input(self.path, name, on_bytes) as stream,
            decompress(stream, self.compression) as contents,
            transcode(contents, self.encoding, name) as text,
        ):
            if self.has_returns:
                yield convert_newlines(text, name)
                return
            if self.compression is None or self.file_format not in ARROW_FORMATS:
                yield text
                return
            with spool(contents) as file:
                yield file

    def memory_map_path(self) -> str | None:
        """The path, if the file can be mapped into memory without a copy."""
        can_be_mapped = self.stream is None and self.compression is None and not is_uri(self.path)
        return self.path if can_be_mapped else None


def inspect_file(
    name: str,
    options: ReadOptions = DETECT_ALL,
    *,
    column: str = TEXT,
    detects_tables: bool = True,
) -> InputFile:
    """Detect a file's format, columns and, if metadata give it, number of rows.

    Args:
        name: A path, a URI, or "-".
        options: What is taken instead of detected.
        column: A table of unknown format is detected by its column of this name.
        detects_tables: Whether CSV is looked for in text of unknown format.

    Returns:
        The file; an error other than a missing extra is kept as `error`.

    Raises:
        ResourceError: [extra-missing].
    """
    size = None
    try:
        with decoding_errors(make_display_name(name)):
            size = measure_file(name)
            return _inspect(name, size, options, column, detects_tables=detects_tables)
    except AlbertKitError as error:
        if error.diagnostic.code == "extra-missing":
            raise
        # a copy, as the error itself refers to frames that keep the file open
        return InputFile(name, name, size, error=copy(error))


def _inspect(
    name: str, size: int | None, options: ReadOptions, column: str, *, detects_tables: bool
) -> InputFile:
    shown_name = make_display_name(name)
    is_live = size is None
    head, stream = peek(open_input(name, shown_name), is_live=is_live)
    compression = detect_compression(head)
    if compression is not None:
        head, stream = peek(decompress(stream, compression), is_live=is_live)
    encoding, has_returns = "utf-8", False
    if not head.startswith(tuple(FORMAT_MAGIC)):
        encoding = detect_encoding(head, options)
        if encoding != "utf-8":
            head, stream = peek(transcode(stream, encoding, shown_name), is_live=is_live)
        has_returns = not options.files and ends_lines_with_returns(head)
        if has_returns:
            head, stream = peek(convert_newlines(stream, shown_name), is_live=is_live)
    file_format = detect_format(head, shown_name, options)
    dialect = CsvDialect()
    if file_format in ("csv", "tsv"):
        dialect = detect_dialect(head, file_format, options, column=column)
    elif file_format == "lines" and detects_tables and options.state_format(shown_name) is None:
        file_format, dialect = _detect_table_in_text(head, shown_name, options, column)
    if file_format in ARROW_FORMATS:
        if compression is None and size is not None:
            stream.close()
            stream = open_input(name, shown_name)
        else:
            stream = spool(stream)
    file = InputFile(
        name,
        name,
        size,
        file_format,
        compression,
        encoding,
        has_returns,
        dialect,
        stream=stream if is_live else None,
    )
    rows, columns = _read_metadata(head, stream, file)
    if not is_live:
        stream.close()
    file = replace(file, rows=rows, columns=columns)
    if has_returns:
        _log_note(
            "input-format-detected",
            f"a carriage return ends each line of {shown_name}",
            "it has no other line end, as files of an old Macintosh",
            "Give --files if the whole file is one text",
        )
    if file_format in ("csv", "tsv") and options.state_format(shown_name) is not None:
        _log_dialect(file, options)
    return file


def _read_metadata(
    head: bytes, stream: BinaryIO, file: InputFile
) -> tuple[int | None, Mapping[str, CellType] | None]:
    """The number of rows and the columns, as far as the beginning or metadata give them."""
    name = make_display_name(file.name)
    match file.file_format:
        case "lines":
            return None, {}
        case "document":
            return 1, dict.fromkeys(DOCUMENT_COLUMNS, "string")
        case "jsonl":
            return None, sniff_columns(head)
        case "csv" | "tsv":
            names = read_header(head, file.dialect, name)
            return None, dict.fromkeys(names, "string") if names else None
        case "parquet" | "arrow" | "arrow-stream":
            table = open_table(
                stream, file.file_format, name, memory_map_path=file.memory_map_path()
            )
            return table.rows, read_columns(table, name)


def _detect_table_in_text(
    head: bytes, name: str, options: ReadOptions, column: str
) -> tuple[TableFormat, CsvDialect]:
    """Distinguish CSV without a name from lines: it is CSV if it has the column of texts."""
    dialect = detect_dialect(head, "csv", replace(options, header=True), column=column)
    if not looks_separated(head, dialect):
        return "lines", CsvDialect()
    columns = read_header(head, dialect, name)
    delimiter = DELIMITER_NAMES[dialect.delimiter]
    if column in columns:
        _log_note(
            "input-format-detected",
            f"{name} is read as CSV with the columns {list_names(columns)}, separated by"
            f" {delimiter}",
            f"its lines have the same number of cells, and one column is named {column}",
            "Give --input-format lines if each line is a text",
        )
        return "csv", dialect
    _log_note(
        "input-format-detected",
        f"each line of {name} is read as a text, but it looks like CSV with the columns"
        f" {list_names(columns)}, separated by {delimiter}",
        f"no column is named {column}",
        "Give --input-format csv and --column NAME if it is CSV",
    )
    return "lines", CsvDialect()


def _log_dialect(file: InputFile, options: ReadOptions) -> None:
    """Log what was detected and is not what the format's name says."""
    name, dialect = make_display_name(file.name), file.dialect
    usual = "\t" if file.file_format == "tsv" else ","
    if options.delimiter is None and dialect.delimiter != usual:
        _log_note(
            "input-format-detected",
            f"the cells of {name} are separated by {DELIMITER_NAMES[dialect.delimiter]}",
            f"that cuts its first records evenly, {DELIMITER_NAMES[usual]} does not",
            "Give --delimiter if another character is right",
        )
    if options.header is None and not dialect.header:
        _log_note(
            "input-format-detected",
            f"{name} is read as a table without a header, with the columns"
            f" {list_names(list(file.columns or {}))}",
            "its first record holds numbers",
            "Give --header if the first record holds the column names",
        )


def _log_note(code: str, what: str, why: str, fix: str) -> None:
    LOGGER.warning("%s", Diagnostic(code, "note", what, why, fix).line())
