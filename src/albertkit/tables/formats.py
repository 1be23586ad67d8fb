"""Detect a file's table format and compression: by its first bytes, then by its name."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import Literal, TypeAlias

from albertkit.errors import FormatError, InputError

TableFormat: TypeAlias = Literal[
    "lines", "csv", "tsv", "jsonl", "parquet", "arrow", "arrow-stream", "document"
]
Compression: TypeAlias = Literal["gzip", "bz2", "xz", "zstd"]

VECTOR_COLUMN = "vector"  # the column of vectors, unless another is named
HEAD_BYTES = 2**16  # bytes at a file's beginning from which its format is detected

COMPRESSION_MAGIC: Mapping[bytes, Compression] = MappingProxyType(
    {
        b"\x1f\x8b": "gzip",
        b"BZh": "bz2",
        b"\xfd7zXZ\x00": "xz",
        b"\x28\xb5\x2f\xfd": "zstd",
    }
)
COMPRESSED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zstd")
FORMAT_MAGIC: Mapping[bytes, TableFormat] = MappingProxyType(
    {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow-stream"}
)
FORMAT_SUFFIXES: Mapping[str, TableFormat] = MappingProxyType(
    {
        ".txt": "lines",
        ".csv": "csv",
        ".tsv": "tsv",
        ".jsonl": "jsonl",
        ".ndjson": "jsonl",
        ".parquet": "parquet",
        ".arrow": "arrow",
        ".feather": "arrow",
        ".ipc": "arrow",
        ".arrows": "arrow-stream",
    }
)
TEXT_FORMATS: tuple[TableFormat, ...] = ("lines", "csv", "tsv", "jsonl", "document")
LONG_OBJECT = re.compile(rb'\s*\{\s*"')  # its first key
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How files are read, where the user knows better than their bytes and names.

    Args:
        file_format: Format of files whose first bytes do not show it; None: by their names.
        delimiter: One character between the cells of CSV and TSV; None: detected in the file.
        encoding: Encoding of text files, as Python names it; None: UTF-8, or UTF-16 if the file
            begins with a byte order mark of UTF-16.
        header: Whether the first row of CSV and TSV holds the column names; None: detected.
            Columns without names are called 1, 2, 3, ….
        quotes: Whether a cell that begins with a double quote ends at the next single one, so
            that it may hold delimiters and line ends; None: yes in CSV, no in TSV, where a quote
            is a letter (as in GLUE, Tatoeba and Common Voice).
        files: Whether each file is one text, a document, with its name in the column "file".

    Raises:
        InputError: [option-invalid].
    """

    file_format: TableFormat | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    quotes: bool | None = None
    files: bool = False

    def __post_init__(self) -> None:
        """Check the delimiter, the encoding, and that documents have no other format."""
        if self.delimiter is not None and (
            len(self.delimiter) != 1 or self.delimiter in '"\r\n' or ord(self.delimiter) > 127
        ):
            raise InputError(
                "option-invalid",
                f"the delimiter is {self.delimiter!r}",
                why="cells are separated by one ASCII character, not a quote or a line end",
                fix="Give one character, such as ; or | or a tab",
            )
        if self.encoding is not None:
            try:
                b"a".decode(self.encoding, errors="replace")
            except (LookupError, UnicodeError) as error:  # "idna" is for names of hosts alone
                raise InputError(
                    "option-invalid",
                    f"the encoding is {self.encoding!r}",
                    why="Python has no encoding of texts of that name",
                    fix="Give a name such as utf-8, utf-16, cp1252 or shift_jis",
                ) from error

        given = {
            "file_format": self.file_format,
            "delimiter": self.delimiter,
            "header": self.header,
            "quotes": self.quotes,
        }
        named = [f"{name}={value!r}" for name, value in given.items() if value is not None]
        if self.files and named:
            raise InputError(
                "option-invalid",
                f"files=True and {named[0]} are both given",
                why="with the first each file is one text, the other describes a table",
                fix="Leave one of the two out",
            )

    def state_format(self, name: str) -> TableFormat | None:
        """The format that the options or the file's name state; None if neither does."""
        if self.files:
            return "document"
        if self.file_format is not None:
            return self.file_format
        named = format_from_name(name)
        if self.delimiter is not None and named in (None, "lines"):
            return "csv"
        return named


DETECT_ALL = ReadOptions()


def detect_compression(head: bytes) -> Compression | None:
    """The compression of a file that begins with `head`; None if it is not compressed."""
    matches = (name for magic, name in COMPRESSION_MAGIC.items() if head.startswith(magic))
    return next(matches, None)


def format_from_name(name: str) -> TableFormat | None:
    """The format that a file's name states, whether it is compressed or not."""
    return FORMAT_SUFFIXES.get(_format_suffix(name))


def _format_suffix(name: str) -> str:
    path = PurePath(name.lower())
    return path.with_suffix("").suffix if path.suffix in COMPRESSED_SUFFIXES else path.suffix


def detect_format(head: bytes, name: str, options: ReadOptions = DETECT_ALL) -> TableFormat:
    """Detect the format of a decompressed file that begins with `head`.

    Args:
        head: The first HEAD_BYTES bytes, or all if there are fewer; text is UTF-8 by now.
        name: The file's name, for its suffix and for messages.
        options: Decide where `head` does not.

    Raises:
        FormatError: [file-wrong-format], [file-truncated].
    """
    matches = (name for magic, name in FORMAT_MAGIC.items() if head.startswith(magic))
    detected = next(matches, None)
    if options.files and (detected is not None or b"\x00" in head):
        raise FormatError(
            "file-wrong-format",
            f"the file begins with {head[:8]!r}",
            why="a document is text: UTF-8, UTF-16, or what --encoding names",
            fix="Leave the file out, or convert it to text",
            where=name,
        )
    if detected is not None:
        return detected
    named = options.state_format(name)
    if named is not None and named not in TEXT_FORMATS:
        raise _format_mismatch(head, name)
    if named is not None:
        return named
    if b"\x00" in head:
        raise FormatError(
            "file-wrong-format",
            f"the file begins with {head[:8]!r}",
            why="that is neither text nor a known table format",
            fix="Give text, CSV, TSV, JSON lines, Parquet or Arrow, compressed or not",
            where=name,
        )
    if _begins_with_object(head):
        return "jsonl"
    if _format_suffix(name) == ".json":
        raise FormatError(
            "file-wrong-format",
            "the file is one JSON value, not one row a line",
            why="rows are read one at a time",
            fix="Write each row on a line of its own: jq -c '.[]' FILE > FILE.jsonl",
            where=name,
        )
    return "jsonl" if _begins_with_long_object(head) else "lines"


def detect_encoding(head: bytes, options: ReadOptions = DETECT_ALL) -> str:
    """The name of a text's encoding: the option's, UTF-16's by its byte order mark, or utf-8."""
    if options.encoding is not None:
        name = codecs.lookup(options.encoding).name
        return "utf-8" if name == "utf-8-sig" else name
    return "utf-16" if head.startswith(UTF16_MARKS) else "utf-8"


def ends_lines_with_returns(head: bytes) -> bool:
    r"""Whether a text's lines end with "\r" alone, as on a Macintosh before OS X.

    Args:
        head: The first HEAD_BYTES bytes, or all if there are fewer. Its last one may belong to
            "\r\n", or end the only line.
    """
    return b"\r" in head[:-1] and b"\n" not in head


def _format_mismatch(head: bytes, name: str) -> FormatError:
    if not head:
        return FormatError(
            "file-truncated",
            "the file is empty",
            why="its name says that it holds a table",
            fix="Write or download it again",
            where=name,
        )
    return FormatError(
        "file-wrong-format",
        f"the file begins with {head[:8]!r}",
        why="a table of the format in its name begins with other bytes",
        fix="Check where it came from",
        where=name,
    )


def _begins_with_object(head: bytes) -> bool:
    line = head.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")[0]
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _begins_with_long_object(head: bytes) -> bool:
    """Whether the first line goes on after the head, and looks like an object so far."""
    is_cut = len(head) >= HEAD_BYTES and b"\n" not in head.lstrip()
    return is_cut and LONG_OBJECT.match(head.removeprefix(codecs.BOM_UTF8)) is not None
