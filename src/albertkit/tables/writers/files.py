"""Write results to files, each complete or absent, in the format of the file's suffix."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from glob import has_magic
from pathlib import Path, PurePath, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np

from albertkit.errors import InputError, import_extra
from albertkit.fileformats.atomic import flush_to_disk
from albertkit.tables.arrow.writing import ArrowFileWriter, ParquetWriter
from albertkit.tables.cells import CellType
from albertkit.tables.filesystems.remote import hide_account, is_uri
from albertkit.tables.filesystems.remote_path import AnyPath, create_file
from albertkit.tables.formats import format_from_name
from albertkit.tables.table import Table, VectorArray
from albertkit.tables.writers.text import (
    CompressedJsonLinesWriter,
    JsonLinesWriter,
    NpyWriter,
    SeparatedWriter,
    TableWriter,
)

if TYPE_CHECKING:
    import pyarrow

ColumnTypes: TypeAlias = Mapping[str, CellType]
WrittenVectors: TypeAlias = "VectorArray | pyarrow.Table | Path"

OUTPUT_FORMATS: Mapping[str, Callable[[BinaryIO, ColumnTypes], TableWriter]] = MappingProxyType(
    {
        ".jsonl": lambda file, types: JsonLinesWriter(file),
        ".csv": lambda file, types: SeparatedWriter(file, ","),
        ".tsv": lambda file, types: SeparatedWriter(file, "\t"),
        ".npy": lambda file, types: NpyWriter(file),
        ".parquet": ParquetWriter,
        ".arrow": ArrowFileWriter,
        ".jsonl.gz": lambda file, types: CompressedJsonLinesWriter(file),
    }
)
PYARROW_SUFFIXES = (".parquet", ".arrow")


def check_output(path: AnyPath) -> None:
    """Raise what is known to fail when `path` is written, before anything is computed.

    Raises:
        InputError: [output-format-unknown], [file-not-found].
        ResourceError: [extra-missing].
    """
    suffix = _check_suffix(path)
    if isinstance(path, Path) and not path.parent.is_dir():
        raise InputError(
            "file-not-found",
            f"there is no directory {str(path.parent)!r}",
            fix="Make the directory first",
        )
    if suffix in PYARROW_SUFFIXES:
        import_extra("pyarrow", f"a {suffix} file")


def check_output_not_input(output: AnyPath, locations: Iterable[str]) -> None:
    """Refuse an output file that is one of the inputs, matches their pattern, or is in a directory.

    The next run would read it. Files that are not read there are allowed: those of an unknown
    format, and those whose path has a part that begins with "_" or ".".

    Raises:
        InputError: [output-taken].
    """
    if format_from_name(output.name) is None:
        return
    file = _make_absolute(str(output))
    for location in locations:
        if relation := _relate(file, location, is_remote=is_uri(str(output))):
            raise InputError(
                "output-taken",
                f"the output {str(output)!r} {relation}",
                why="this run or the next one would read its own output",
                fix="Write to another path",
            )


def _relate(file: PurePath, location: str, *, is_remote: bool) -> str | None:
    """What a file, remote or not, is of the input location that would read it; None: nothing."""
    if _is_matched(file, location):
        return f"matches the input pattern {location!r}"
    top = _make_absolute(location)
    if is_uri(location) != is_remote or not file.is_relative_to(top):
        return None
    parts = file.relative_to(top).parts
    if any(part.startswith((".", "_")) for part in parts):
        return None
    return f"is in the input directory {location!r}" if parts else "is an input"


def _is_matched(file: PurePath, location: str) -> bool:
    """Whether a pattern names the file, or would name it once it is written."""
    if is_uri(location) or not has_magic(location) or Path(location).exists():
        return False
    top = _make_absolute(location)
    if top.parts.count("**") == 0:
        return file.match(str(top))
    begin = top.parts.index("**")
    is_inside = file.is_relative_to(PurePath(*top.parts[:begin]))
    return is_inside and file.match(str(PurePath(*top.parts[begin + 1 :] or ("*",))))


def _make_absolute(name: str) -> PurePath:
    return PurePosixPath(hide_account(name)) if is_uri(name) else Path(name).resolve()


def _check_suffix(path: AnyPath) -> str:
    """The key of OUTPUT_FORMATS; raises InputError [output-format-unknown]."""
    name = path.name.lower()
    suffix = next((suffix for suffix in OUTPUT_FORMATS if name.endswith(suffix)), None)
    if suffix is None:
        raise InputError(
            "output-format-unknown",
            f"{str(path)!r} ends in {path.suffix or 'no suffix'}",
            why=f"the formats are {', '.join(OUTPUT_FORMATS)}",
            fix="Give the file a name that ends in one of them",
        )
    return suffix


@contextmanager
def create_table(
    path: AnyPath,
    types: ColumnTypes = MappingProxyType({}),
    *,
    before_rename: Callable[[], None] | None = None,
) -> Iterator[TableWriter]:
    """Open a writer of a new file that appears at `path` when the block ends without an error.

    The first table that is written sets the columns, so an empty one must be written if there are
    no rows.

    Args:
        path: The file; its suffix is one of OUTPUT_FORMATS.
        types: Types of columns whose first cells may be null.
        before_rename: Writes other files that belong to this one; called when its bytes are on
            the disk, before it gets its name.

    Raises:
        InputError: [output-format-unknown], [file-not-found].
        ResourceError: [write-failed], [extra-missing].
    """
    check_output(path)
    with create_file(path) as file:
        writer = OUTPUT_FORMATS[_check_suffix(path)](file, types)
        try:
            yield writer
            writer.finish()
            if before_rename is not None:
                flush_to_disk(file)
                before_rename()
        except BaseException:
            writer.abandon()
            raise


def write_table(table: Table, path: AnyPath) -> None:
    """Write the table as one file; raises as `create_table` does."""
    with create_table(path) as writer:
        writer.write(table)


def open_result(path: Path) -> WrittenVectors:
    """Open a file of vectors that was just written.

    Returns:
        The array of .npy or the table of .arrow, mapped into memory: a number is read from the
        disk when it is used. The path for other formats.
    """
    match path.suffix.lower():
        case ".npy":
            array: VectorArray = np.load(path, mmap_mode="r")
            return array
        case ".arrow":
            import pyarrow.ipc

            # as bytes: pyarrow encodes a str itself, and fails for names that are not UTF-8
            return pyarrow.ipc.open_file(pyarrow.memory_map(os.fsencode(path))).read_all()
        case _:
            return path
