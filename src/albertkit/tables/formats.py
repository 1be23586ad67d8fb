"""Which kind of rows a file holds: by its first bytes, and where they don't tell, by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Literal, TypeAlias

from albertkit.errors import FormatError

Kind: TypeAlias = Literal["lines", "csv", "tsv", "jsonl", "parquet", "arrow", "arrow-stream"]
Compression: TypeAlias = Literal["gzip", "bz2", "xz", "zstd"]

HEAD = 2**16  # bytes that are looked at

COMPRESSION_MAGIC: Mapping[bytes, Compression] = MappingProxyType(
    {
        b"\x1f\x8b": "gzip",
        b"BZh": "bz2",
        b"\xfd7zXZ\x00": "xz",
        b"\x28\xb5\x2f\xfd": "zstd",
    }
)
COMPRESSED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zstd")
MAGIC: Mapping[bytes, Kind] = MappingProxyType(
    {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow-stream"}
)
NAMES: Mapping[str, Kind] = MappingProxyType(
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

DELIMITERS: Mapping[Kind, str] = MappingProxyType({"csv": ",", "tsv": "\t"})


def detect_compression(head: bytes) -> Compression | None:
    """How a file with this beginning is compressed."""
    return next(
        (compression for magic, compression in COMPRESSION_MAGIC.items() if head.startswith(magic)),
        None,
    )


def format_from_name(name: str) -> Kind | None:
    """The kind that a file's name tells, whether compressed or not."""
    return NAMES.get(_plain_suffix(name))


def _plain_suffix(name: str) -> str:
    path = PurePath(name.lower())
    return path.with_suffix("").suffix if path.suffix in COMPRESSED_SUFFIXES else path.suffix


def detect_format(head: bytes, name: str, told: Kind | None = None) -> Kind:
    """The kind of a decompressed file that begins with `head`.

    told: the kind, where `head` doesn't tell it; None: what the name tells.
    Raises FormatError [file-wrong-format], [file-truncated], [file-not-utf8].
    """
    found = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    if found:
        return found
    named = told or format_from_name(name)
    if named in MAGIC.values():
        raise _not_as_named(head, name)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FormatError(
            "file-not-utf8",
            "the file begins as UTF-16 does",
            why="text is read as UTF-8 only",
            fix="Convert it first: iconv -f utf-16 -t utf-8",
            where=name,
        )
    if named is not None:
        return named
    if b"\x00" in head:
        raise FormatError(
            "file-wrong-format",
            f"the file begins with {head[:8]!r}",
            why="that is neither text nor a table of a kind that is read",
            fix="Give text, CSV, TSV, JSON lines, Parquet or Arrow, compressed or not",
            where=name,
        )
    if _begins_with_an_object(head):
        return "jsonl"
    if _plain_suffix(name) == ".json":
        raise FormatError(
            "file-wrong-format",
            "the file is one JSON value, not a row a line",
            why="rows are read one at a time",
            fix="Write each row on a line of its own: jq -c '.[]' FILE > FILE.jsonl",
            where=name,
        )
    return "lines"


def _not_as_named(head: bytes, name: str) -> FormatError:
    if not head:
        return FormatError(
            "file-truncated",
            "the file is empty",
            why="its name promises a table",
            fix="Write or download it again",
            where=name,
        )
    return FormatError(
        "file-wrong-format",
        f"the file begins with {head[:8]!r}",
        why="a table of the kind that its name says begins otherwise",
        fix="Check where it came from",
        where=name,
    )


def _begins_with_an_object(head: bytes) -> bool:
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0]
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
