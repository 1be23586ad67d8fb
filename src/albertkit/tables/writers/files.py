"""Results to files, whole or not at all, of the kind that a file's name ends in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np

from albertkit.errors import InputError, import_extra
from albertkit.fileformats.atomic import flush_to_disk
from albertkit.tables.arrow.writing import ArrowFileWriter, ParquetWriter
from albertkit.tables.cells import CellType
from albertkit.tables.filesystems.remote import is_uri, without_account
from albertkit.tables.filesystems.remote_path import AnyPath, new_file
from albertkit.tables.formats import format_from_name
from albertkit.tables.table import Table, VectorArray
from albertkit.tables.writers.text import (
    JsonLinesWriter,
    NpyWriter,
    PackedJsonLinesWriter,
    SeparatedWriter,
    TableWriter,
)

if TYPE_CHECKING:
    import pyarrow


Types: TypeAlias = Mapping[str, CellType]

OUTPUT_FORMATS: Mapping[str, Callable[[BinaryIO, Types], TableWriter]] = MappingProxyType(
    {
        ".jsonl": lambda file, types: JsonLinesWriter(file),
        ".csv": lambda file, types: SeparatedWriter(file, ","),
        ".tsv": lambda file, types: SeparatedWriter(file, "\t"),
        ".npy": lambda file, types: NpyWriter(file),
        ".parquet": ParquetWriter,
        ".arrow": ArrowFileWriter,
        ".jsonl.gz": lambda file, types: PackedJsonLinesWriter(file),
    }
)
NEEDS_PYARROW = (".parquet", ".arrow")


def check_output(path: AnyPath) -> None:
    """Raise, before anything is computed, what can be known to fail when `place` is written.

    InputError [output-format-unknown], [file-not-found], ResourceError [extra-missing].
    """
    kind = output_format(path)
    if isinstance(path, Path) and not path.parent.is_dir():
        raise InputError(
            "file-not-found", f"there is no directory {str(path.parent)!r}", fix="Make it first"
        )
    if kind in NEEDS_PYARROW:
        import_extra("pyarrow", f"a {kind} file")


def output_format(path: AnyPath) -> str:
    """The one of FILE_KINDS that the name ends in; raises InputError [output-format-unknown]."""
    name = path.name.lower()
    kind = next((kind for kind in OUTPUT_FORMATS if name.endswith(kind)), None)
    if kind is None:
        raise InputError(
            "output-format-unknown",
            f"{str(path)!r} ends in {path.suffix or 'nothing'}",
            why=f"the kinds are {', '.join(OUTPUT_FORMATS)}",
            fix="Give the file a name that ends in one of them",
        )
    return kind


@contextmanager
def new_table(
    path: AnyPath,
    types: Types = MappingProxyType({}),
    *,
    beside: Callable[[], None] | None = None,
) -> Iterator[TableWriter]:
    """A writer of the file that `place` becomes when the block ends well.

    types: of columns whose first cells may not tell them. beside: puts other files there that
    belong to this one; called when all its bytes lie on disk, before it has its name.
    The first table written fixes the columns, so one without rows must be written where there are
    none.
    Raises as `check_output` and `new_file` do.
    """
    check_output(path)
    with new_file(path) as file:
        writer = OUTPUT_FORMATS[output_format(path)](file, types)
        try:
            yield writer
            writer.finish()
            if beside is not None:
                flush_to_disk(file)
                beside()
        except BaseException:
            writer.abandon()
            raise


def write_table(table: Table, path: AnyPath) -> None:
    """Write the table as one file; raises as `new_table` does."""
    with new_table(path) as writer:
        writer.write(table)


def check_output_not_input(output: AnyPath, locations: Iterable[str]) -> None:
    """Raise InputError [output-taken] where the file `output` is one of `places`, or below it.

    What would not be read there, by its kind or by a name that begins with "_" or ".", may be.
    """
    if format_from_name(output.name) is None:
        return
    file = _whole(str(output))
    for path in locations:
        top = _whole(path)
        if is_uri(path) != is_uri(str(output)) or not file.is_relative_to(top):
            continue
        between = file.relative_to(top).parts
        if not any(part.startswith((".", "_")) for part in between):
            raise InputError(
                "output-taken",
                f"{str(output)!r} would be written, which is "
                + (f"in {path!r}, a directory that is read" if between else "read"),
                why="the next run would read it, or this one replace what it reads",
                fix="Write to another place",
            )


def _whole(name: str) -> PurePath:
    return PurePosixPath(without_account(name)) if is_uri(name) else Path(name).resolve()


Given: TypeAlias = "VectorArray | pyarrow.Table | Path"


def open_result(path: Path) -> Given:
    """Of .npy its array, of .arrow its table, of other kinds the path."""
    match path.suffix.lower():
        case ".npy":
            return _array(path)
        case ".arrow":
            import pyarrow.ipc

            mapped = pyarrow.memory_map(os.fsencode(path))  # see opened_table
            return pyarrow.ipc.open_file(mapped).read_all()
        case _:
            return path


def _array(path: Path) -> VectorArray:
    array: VectorArray = np.load(path, mmap_mode="r")
    return array
