"""The files that are read: found, looked at once, and held to one another before any is read."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import NoReturn, TypeAlias

from albertkit.errors import Diagnostic, InputError
from albertkit.errors.wording import nearest_name
from albertkit.fileformats.reader import read_errors
from albertkit.tables.cells import CellType, common_type
from albertkit.tables.filesystems.remote import is_directory, is_uri, list_files
from albertkit.tables.filesystems.streams import called, is_stream, is_transient
from albertkit.tables.formats import Kind, format_from_name
from albertkit.tables.readers.table_file import InputFile, inspect_file

LOGGER = logging.getLogger(__name__)

Place: TypeAlias = "str | os.PathLike[str]"
NAMED = 5  # files in one message


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files in the order in which they are read. left_out: those of no known kind."""

    files: tuple[InputFile, ...]
    left_out: tuple[str, ...] = ()

    @property
    def rows(self) -> int | None:
        """How many rows there are, where metadata tell; a file that cannot be read is one."""
        counts = [1 if file.error else file.rows for file in self.files]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def refuse_broken(self, *, skip_invalid: bool) -> None:
        """Raise the error of a file; skip_invalid: only a transient one, others are listed."""
        for file in self.files:
            if file.error is not None and (not skip_invalid or is_transient(file.error)):
                raise file.error

    def described(self) -> list[dict[str, str | int | None]]:
        """Names and sizes, by which another run knows whether its inputs are the same."""
        return [{"name": called(file.name), "bytes": file.size} for file in self.files]

    def columns(self, column: str | None) -> tuple[str, ...]:
        """The column of texts of each file.

        Raises InputError [column-missing], [column-not-text].
        """
        return tuple(text_column(file, column) for file in self.files)

    def types(self, keep: Sequence[str]) -> dict[str, CellType]:
        """The type of each column that is kept, the same for all files.

        Raises InputError [column-missing], [column-types-differ].
        """
        return {name: self._type_of(name) for name in keep}

    def _type_of(self, name: str) -> CellType:
        told = [(file, file.columns) for file in self.files if file.columns is not None]
        for file, columns in told:
            if name not in columns:
                raise missing_column_error(name, columns, called(file.name), "--keep")
        if not told:
            return "string"
        one = common_type([columns[name] for _, columns in told])
        if one is not None:
            return one
        seen = {str(columns[name]): file.name for file, columns in told}
        raise InputError(
            "column-types-differ",
            f"the column {name!r} is "
            + " and ".join(f"{kind} in {path!r}" for kind, path in list(seen.items())[:2]),
            why="a column that is kept has one type in all that is written",
            fix="Read these files apart, or leave the column out",
        )


def find_inputs(locations: Place | Iterable[Place], *, kind: Kind | None = None) -> Inputs:
    """Look at all files that `places` name: files, directories, patterns, "-" for standard input.

    kind: what they hold where their first bytes don't tell, whatever their names say.
    Of a directory and those in it, and of a pattern: the files of known kinds, in the order of
    their names; hidden ones, and those of a directory that begin with "_", are not looked at,
    others are told of in the log.
    Raises InputError [file-not-found], ResourceError [extra-missing], [file-unreadable] for a
    directory.
    """
    files: list[InputFile] = []
    left_out: list[str] = []
    for name in names_of(locations):
        with read_errors(called(name)):
            inside = _inside(name)
        if inside is None:
            files.append(inspect_file(name, kind))
            continue
        looked = [_known(each, kind) for each in inside]
        known = [each for each in looked if isinstance(each, InputFile)]
        if not known:
            raise _nothing_in(name, len(inside))
        files += known
        left_out += [each for each in looked if isinstance(each, str)]
    if left_out:
        LOGGER.warning("%s", _told_left_out(left_out).line())
    return Inputs(tuple(files), tuple(left_out))


def names_of(locations: Place | Iterable[Place]) -> list[str]:
    """The places as they are named."""
    if isinstance(locations, str | os.PathLike):
        return [os.fspath(locations)]
    return [os.fspath(path) for path in locations]


def _inside(name: str) -> list[str] | None:
    """The files in a directory and those in it, in the order of their names; None for a file.

    So for a pattern (texts/*.parquet) that no shell has replaced by names.
    Raises InputError [file-not-found], for URIs as rows.filesystems does.
    """
    if is_uri(name):
        return list_files(name) if is_directory(name) else None
    path = Path(name)
    if name and path.is_dir():  # "" would be where we are
        return _files_below(path)
    if is_stream(name) or path.is_file():
        return None
    matching = glob(name, recursive=True)  # noqa: PTH207  # Path's takes no absolute pattern
    if files := sorted(each for each in matching if Path(each).is_file()):
        return files
    raise InputError("file-not-found", f"there is no file {name!r}", fix="Check the path")


def _files_below(top: Path) -> list[str]:
    found: list[Path] = []
    for folder, inside, names in os.walk(top, onerror=_closed):
        inside[:] = [name for name in inside if not name.startswith((".", "_"))]
        found += [Path(folder, name) for name in names if not name.startswith((".", "_"))]
    return [str(path) for path in sorted(found)]


def _closed(error: OSError) -> NoReturn:
    """A directory whose files cannot be found is not one without files."""
    with read_errors(error.filename):
        raise error


def _known(name: str, told: Kind | None) -> InputFile | str:
    """The file, or its name alone where neither its contents nor its name tell a kind."""
    file = inspect_file(name, told)
    named = told or format_from_name(called(name))
    return file if named or (file.error is None and file.kind != "lines") else called(name)


def _nothing_in(name: str, others: int) -> InputError:
    return InputError(
        "texts-missing",
        f"there is no file of a known kind in {called(name)!r}",
        why=f"it has {others} others" if others else "it is empty",
        fix="Name the files themselves, or give them names that end in .txt, .csv, .jsonl, …",
    )


def _told_left_out(names: Sequence[str]) -> Diagnostic:
    shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return Diagnostic(
        "files-skipped",
        "note",
        f"not read: {shown} ({len(names)} in all)",
        "what is in them is no kind of rows that is known",
        "Name a file itself to have its lines read",
    )


TEXT = "text"  # the column that is read where no other is named


def text_column(file: InputFile, column: str | None) -> str:
    """The column of texts; raises InputError [column-missing], [column-not-text]."""
    columns = file.columns
    if not columns:  # lines of text, or unknown
        return column or TEXT
    wanted = column or (next(iter(columns)) if len(columns) == 1 else TEXT)
    if wanted not in columns:
        raise missing_column_error(wanted, columns, called(file.name), "--column")
    kind = columns[wanted]
    if isinstance(kind, str):  # whether it holds texts, each row tells
        return wanted
    from albertkit.tables.arrow.chunks import holds_text

    if not holds_text(kind):
        raise InputError(
            "column-not-text",
            f"the column {wanted!r} holds {kind}",
            why="only texts can be read",
            fix="Name another column",
            where=called(file.name),
        )
    return wanted


def check_lines_without_column(files: Sequence[InputFile], column: str | None) -> None:
    """Raise InputError [column-missing] where one is named and all files are plain lines."""
    if column is not None and files and all(file.columns == {} for file in files):
        raise InputError(
            "column-missing",
            f"there is no column {column!r}",
            why="what is read is taken for lines of text, which have none",
            fix="Say what it is (--input-format csv), or leave the column out",
            where=called(files[0].name),
        )


def missing_column_error(name: str, columns: Iterable[str], path: str, option: str) -> InputError:
    """The error that names the columns there are, and the nearest; option: that names one."""
    there = list(columns)
    near = nearest_name(name, there, cutoff=0.5)
    fix = f"Name one of them with {option}" if there else "Leave it out"
    return InputError(
        "column-missing",
        f"there is no column {name!r}",
        why=f"the columns are {', '.join(there)}" if there else "lines of text have no columns",
        fix=f"{fix}, perhaps {near!r}" if near else fix,
        where=path,
    )
