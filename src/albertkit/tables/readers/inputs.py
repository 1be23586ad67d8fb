"""Find the input files, inspect each once, and compare their columns before any row is read."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import NoReturn, TypeAlias

from albertkit.errors import Diagnostic, InputError
from albertkit.errors.exceptions import count_noun, find_nearest_name, list_names
from albertkit.fileformats.reader import read_errors
from albertkit.tables.cells import CellType, find_common_type
from albertkit.tables.filesystems.remote import is_directory, is_uri, list_files
from albertkit.tables.filesystems.streams import is_stream, is_transient, make_display_name
from albertkit.tables.formats import DETECT_ALL, ReadOptions
from albertkit.tables.readers.table_file import TEXT, InputFile, inspect_file

LOGGER = logging.getLogger(__name__)

Location: TypeAlias = "str | os.PathLike[str]"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The input files.

    Args:
        files: In the order in which they are read.
        skipped: Names of files that are not read: of unknown format, and links to no file.
    """

    files: tuple[InputFile, ...]
    skipped: tuple[str, ...] = ()

    @property
    def rows(self) -> int | None:
        """The number of rows if all metadata give it; a file that cannot be read counts as one."""
        counts = [1 if file.error else file.rows for file in self.files]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def raise_errors(self, *, skip_invalid: bool) -> None:
        """Raise the first error of a file; with `skip_invalid` only a transient one."""
        for file in self.files:
            if file.error is not None and (not skip_invalid or is_transient(file.error)):
                raise file.error

    def describe(self) -> list[dict[str, str | int | None]]:
        """Names and sizes, by which another run sees whether its inputs are the same."""
        return [{"name": make_display_name(file.name), "bytes": file.size} for file in self.files]

    def columns(self, column: str | None) -> tuple[str, ...]:
        """The column of texts of each file.

        Args:
            column: Its name; None: "text", or the only one.

        Raises:
            InputError: [column-missing], [column-not-text].
        """
        return tuple(_text_column(file, column) for file in self.files)

    def types(self, keep: Sequence[str]) -> dict[str, CellType]:
        """The type of each column that is kept, the same for all files.

        Raises:
            InputError: [column-missing], [column-types-differ].
        """
        return {name: self._type(name) for name in keep}

    def _type(self, name: str) -> CellType:
        known = [(file, file.columns) for file in self.files if file.columns is not None]
        for file, columns in known:
            if name not in columns:
                raise _missing_column_error(name, columns, make_display_name(file.name))
        if not known:
            return "string"
        cell_type = find_common_type([columns[name] for _, columns in known])
        if cell_type is not None:
            return cell_type
        examples = {str(columns[name]): file.name for file, columns in known}
        raise InputError(
            "column-types-differ",
            f"the column {name!r} is "
            + " and ".join(f"{kind} in {file!r}" for kind, file in list(examples.items())[:2]),
            why="a kept column has one type in the whole output",
            fix="Read these files in separate runs, or leave the column out",
        )


def find_inputs(
    locations: Location | Iterable[Location],
    *,
    options: ReadOptions = DETECT_ALL,
    column: str | None = None,
) -> Inputs:
    """Find and inspect the input files.

    Args:
        locations: Files, directories, patterns, URIs, or "-" for standard input. A directory
            stands for the files of known formats in it and below it, in the order of their names,
            a pattern for those that match it. Names that begin with "." or "_" are passed over;
            files of unknown format, and links to files that do not exist, are logged.
        options: How the files are read, where the user knows better.
        column: The column of texts; CSV through a pipe is detected by it. None: "text".

    Raises:
        InputError: [file-not-found], [texts-missing].
        ResourceError: [extra-missing]; [file-unreadable] for a directory. Errors of a file are
            kept in its InputFile.
    """
    files: list[InputFile] = []
    skipped: list[str] = []
    broken: list[str] = []
    for name in _list_location_names(locations):
        with read_errors(make_display_name(name)):
            names = _list_names(name)
        if names is None:
            files.append(inspect_file(name, options, column=column or TEXT))
            continue
        links = {path for path in names if _is_broken_link(path)}
        broken += sorted(links)
        others = [path for path in names if path not in links]
        known, unknown = _inspect_known(others, options, column or TEXT)
        if not known:
            raise _nothing_known_error(name, len(names), options)
        files += known
        skipped += unknown
    if skipped:
        LOGGER.warning("%s", _note_skipped(skipped, options).line())
    if broken:
        LOGGER.warning("%s", _note_broken(broken).line())
    return Inputs(tuple(files), (*skipped, *broken))


def _list_location_names(locations: Location | Iterable[Location]) -> list[str]:
    if isinstance(locations, str | os.PathLike):
        return [os.fspath(locations)]
    return [os.fspath(location) for location in locations]


def _list_names(name: str) -> list[str] | None:
    """The files of a directory or a pattern, in the order of their names; None for one file.

    Raises:
        InputError: [file-not-found], [filesystem-unknown].
    """
    if is_uri(name):
        return list_files(name) if is_directory(name) else None
    path = Path(name)
    if name and path.is_dir():  # Path("") is the current directory
        return _walk(path)
    if is_stream(name) or path.is_file():
        return None
    matches = glob(name, recursive=True)  # noqa: PTH207  # Path.glob takes no absolute pattern
    if files := sorted(match for match in matches if Path(match).is_file()):
        return files
    if has_magic(name):
        raise InputError(
            "file-not-found", f"no file matches the pattern {name!r}", fix="Check the pattern"
        )
    raise InputError("file-not-found", f"there is no file {name!r}", fix="Check the path")


def _walk(top: Path) -> list[str]:
    paths: list[Path] = []
    for folder, folders, names in os.walk(top, onerror=_raise_unreadable):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        paths += [Path(folder, name) for name in names if not name.startswith((".", "_"))]
    return [str(path) for path in sorted(paths)]


def _raise_unreadable(error: OSError) -> NoReturn:
    """Without this, os.walk takes a directory that cannot be read for an empty one."""
    with read_errors(error.filename):
        raise error


def _is_broken_link(name: str) -> bool:
    path = Path(name)
    return not is_uri(name) and path.is_symlink() and not path.exists()


def _inspect_known(
    names: Sequence[str], options: ReadOptions, column: str
) -> tuple[list[InputFile], list[str]]:
    """The files of known format, and the names of the others."""
    known: list[InputFile] = []
    unknown: list[str] = []
    for name in names:
        is_stated = options.state_format(make_display_name(name)) is not None
        file = inspect_file(name, options, column=column, detects_tables=False)
        if options.files:
            is_known = file.error is None or file.error.diagnostic.code != "file-wrong-format"
        else:
            is_known = is_stated or (file.error is None and file.file_format != "lines")
        if is_known:
            known.append(file)
        else:
            unknown.append(make_display_name(name))
    return known, unknown


def _nothing_known_error(name: str, others: int, options: ReadOptions) -> InputError:
    if options.files:
        return InputError(
            "texts-missing",
            f"there is no text file in {make_display_name(name)!r}",
            why=f"it has {count_noun(others, 'file')} of other bytes" if others else "it is empty",
            fix="Convert its files to text first" if others else "Give another directory",
        )
    return InputError(
        "texts-missing",
        f"there is no file of a known format in {make_display_name(name)!r}",
        why=f"it has {count_noun(others, 'other file')}" if others else "it is empty",
        fix="Give --files to read each file as one text (in Python: ReadOptions with files), or"
        " name the files themselves to read their lines"
        if others
        else "Give another directory",
    )


def _note_skipped(names: Sequence[str], options: ReadOptions) -> Diagnostic:
    what = f"not read: {list_names(names, 5)} ({count_noun(len(names), 'file')})"
    why = "their format is unknown"
    fix = "Name a file itself to have its lines read, or give --files: each file is a text then"
    if options.files:
        why, fix = "their bytes are no text", "Convert them to text to have them read"
    return Diagnostic("files-skipped", "note", what, why, fix)


def _note_broken(names: Sequence[str]) -> Diagnostic:
    return Diagnostic(
        "files-skipped",
        "warning",
        f"not read: {list_names(names, 5)} ({count_noun(len(names), 'link')})",
        why="the target of the link does not exist"
        if len(names) == 1
        else "the targets of the links do not exist",
        fix="Remove the link, or make it point to a file",
    )


def _text_column(file: InputFile, column: str | None) -> str:
    """The column of texts; raises InputError [column-missing], [column-not-text]."""
    columns = file.columns
    if not columns:  # lines of text, or unknown
        return column or TEXT
    name = column or (next(iter(columns)) if len(columns) == 1 else TEXT)
    if name not in columns:
        raise _missing_column_error(name, columns, make_display_name(file.name), "--column")
    cell_type = columns[name]
    if isinstance(cell_type, str):  # each row shows whether it holds a text
        return name
    from albertkit.tables.arrow.chunks import holds_text

    if not holds_text(cell_type):
        raise InputError(
            "column-not-text",
            f"the column {name!r} holds {cell_type}",
            why="only texts can be read",
            fix="Name another column",
            where=make_display_name(file.name),
        )
    return name


def check_lines_without_column(files: Sequence[InputFile], column: str | None) -> None:
    """Refuse a column name if all files are plain lines.

    Raises:
        InputError: [column-missing].
    """
    if column is not None and files and all(file.columns == {} for file in files):
        raise InputError(
            "column-missing",
            f"there is no column {column!r}",
            why="the input is read as lines of text, which have no columns",
            fix="Name its format (--input-format csv), or leave the column out",
            where=make_display_name(files[0].name),
        )


def _missing_column_error(
    name: str, columns: Iterable[str], file: str, option: str | None = None
) -> InputError:
    """The error that lists the columns and the nearest one; option: names the column of texts."""
    known = list(columns)
    near = find_nearest_name(name, known, cutoff=0.5)
    fix = "Name one of them" + (f" with {option}" if option else "") if known else "Leave it out"
    return InputError(
        "column-missing",
        f"there is no column {name!r}",
        why=f"the columns are {', '.join(known)}" if known else "lines of text have no columns",
        fix=f"{fix}, perhaps {near!r}" if near else fix,
        where=file,
    )
