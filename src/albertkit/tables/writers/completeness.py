"""Whether a file that we wrote is whole: its own bytes say so, without reading its rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from tokenize import TokenError
from types import MappingProxyType
from typing import BinaryIO

import numpy as np

from albertkit.errors import FormatError
from albertkit.tables.arrow.reading import opened_table
from albertkit.tables.formats import Kind

# What numpy says of a damaged .npy: a header that it cannot parse it takes for one of Python 2, and
# fails at that a second time; names that it cannot sort are a TypeError (2.4).
NPY_DAMAGE = (ValueError, TypeError, EOFError, SyntaxError, TokenError)


def is_whole(file: BinaryIO, kind: str) -> bool:
    """Whether the file of one of sharded kinds ends where it should."""
    return WHOLE[kind](file)


def _table(kind: Kind, file: BinaryIO) -> bool:
    try:
        opened_table(file, kind, "")
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


WHOLE: Mapping[str, Callable[[BinaryIO], bool]] = MappingProxyType(
    {
        "parquet": partial(_table, "parquet"),
        "arrow": partial(_table, "arrow"),
        "npy": _npy,
        "jsonl": _lines,
        "jsonl.gz": _packed,
    }
)
