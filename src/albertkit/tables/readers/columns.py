"""Which column of a file holds the texts, and what is said where it has no such column."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from albertkit.errors import InputError
from albertkit.tables.filesystems.streams import called
from albertkit.tables.readers.table_file import RowFile

TEXT = "text"  # the column that is read where no other is named


def column_of(file: RowFile, column: str | None) -> str:
    """The column of texts; raises InputError [column-missing], [column-not-text]."""
    columns = file.columns
    if not columns:  # lines of text, or unknown
        return column or TEXT
    wanted = column or (next(iter(columns)) if len(columns) == 1 else TEXT)
    if wanted not in columns:
        raise column_missing(wanted, columns, called(file.name), "--column")
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


def refuse_column_of_lines(files: Sequence[RowFile], column: str | None) -> None:
    """Raise InputError [column-missing] where one is named and all files are plain lines."""
    if column is not None and files and all(file.columns == {} for file in files):
        raise InputError(
            "column-missing",
            f"there is no column {column!r}",
            why="what is read is taken for lines of text, which have none",
            fix="Say what it is (--input-kind csv), or leave the column out",
            where=called(files[0].name),
        )


def column_missing(name: str, columns: Iterable[str], place: str, option: str) -> InputError:
    """The error that names the columns there are, and the nearest; option: that names one."""
    there = list(columns)
    near = difflib.get_close_matches(name, there, 1, 0.5)
    fix = f"Name one of them with {option}" if there else "Leave it out"
    return InputError(
        "column-missing",
        f"there is no column {name!r}",
        why=f"the columns are {', '.join(there)}" if there else "lines of text have no columns",
        fix=f"{fix}, perhaps {near[0]!r}" if near else fix,
        where=place,
    )
