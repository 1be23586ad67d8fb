"""Read the text of a target or of the user's own texts: whole, of a known end, never binary.

In: a path, or the bytes of standard input. Out: text, or a clear error.
"""

from __future__ import annotations

import codecs
import logging
import stat
from pathlib import Path

from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import map_file, read_errors
from albertkit.tables import read_texts
from albertkit.tables.formats import format_from_name

LOGGER = logging.getLogger(__name__)

LARGEST_TEXT = 200_000_000  # bytes; a notebook with its pictures may have 50 MB
MOST_TEXTS = 10_000  # of the user's own that are examined


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        FormatError: [file-wrong-format] if it is binary or too large.
        InputError: [file-not-found].
        ResourceError: [file-unreadable].
    """
    with read_errors(path):
        if path.is_file() and not path.stat().st_size:
            return ""
    return decode_text(map_file(path), str(path))


def read_own_texts(path: Path) -> list[str]:
    """The user's own texts: the lines of a file, or of a table the column text or the only one.

    Args:
        path: Of text, or of a table whose name states its format: .jsonl, .csv, .tsv, .parquet, …

    Raises:
        InputError: [texts-missing] for an empty file, [column-missing]; and the errors of
            `read_text` and of reading a table.
    """
    if format_from_name(path.name) in (None, "lines"):
        texts = read_text(path).splitlines()
    else:
        texts = list(read_texts(path))
    if not texts:
        raise InputError(
            "texts-missing",
            "there is no text",
            why="each line is a text, or each row of a table",
            fix="Give a file of at least one text",
            where=str(path),
        )
    return texts


def read_some_texts(path: Path) -> list[str]:
    """The first of the user's own texts, at most MOST_TEXTS; errors as `read_own_texts`."""
    texts = read_own_texts(path)
    if len(texts) > MOST_TEXTS:
        LOGGER.warning("%s: the first %d of %d texts are examined", path, MOST_TEXTS, len(texts))
    return texts[:MOST_TEXTS]


def decode_text(data: bytes | memoryview, where: str) -> str:
    """The text of some bytes of unknown origin: UTF-8, or UTF-16 as PowerShell writes logs.

    Raises:
        FormatError: [file-wrong-format] if they are binary or too many.
    """
    is_utf16 = bytes(data[:2]) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if is_utf16 and len(data) <= LARGEST_TEXT:
        return bytes(data).decode("utf-16", errors="replace")
    if len(data) > LARGEST_TEXT or b"\0" in bytes(data[:100_000]):
        what = f"{len(data) / 1e6:,.0f} MB" if len(data) > LARGEST_TEXT else "binary"
        raise FormatError(
            "file-wrong-format",
            f"this is {what}",
            why="only text of at most 200 MB is read here",
            fix="Give a file of text: texts in lines, a script, a notebook or a log",
            where=where,
        )
    return bytes(data).decode("utf-8", errors="replace")


def check_readable(path: Path) -> None:
    """Refuse what would be read for ever, such as a pipe or a device, and links to nothing."""
    with read_errors(path):
        if not path.is_symlink() and not path.exists():
            return  # a built-in model's name, or one on a hub
        mode = path.stat().st_mode if path.exists() else 0
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return
    what, why = "this is no file", "it is a pipe, a socket or a device, which may have no end"
    if not mode:
        what, why = "this is a link to nothing", "its target is missing, or is the link itself"
    raise InputError(
        "file-wrong-format",
        what,
        why=why,
        fix="Give a file or a directory; for text from a pipe run: albertkit doctor -",
        where=str(path),
    )


def empty_error(what: str, where: str = "") -> InputError:
    """The error of a target without text."""
    return InputError(
        "texts-missing",
        what,
        why="the doctor examines a model, a table, a script or a message",
        fix="Give a name, a path or a text; text from a pipe is read by: albertkit doctor -",
        where=where,
    )
