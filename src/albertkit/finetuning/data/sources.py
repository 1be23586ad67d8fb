"""Labelled data as callers give it → a table: files, frames, lists and dicts of columns."""

from __future__ import annotations

import codecs
import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from albertkit.errors import AlbertKitError, Diagnostic, InputError
from albertkit.errors.arguments import describe_value
from albertkit.errors.exceptions import count_noun
from albertkit.finetuning.data.benchmarks.files import (
    RACE_COLUMNS,
    read_benchmark_file,
    split_passages,
)
from albertkit.finetuning.data.examples import list_rows
from albertkit.tables import WholeTable, find_inputs, read_whole_table
from albertkit.tables.filesystems.streams import decoding_errors, is_stream
from albertkit.tables.formats import DETECT_ALL, ReadOptions
from albertkit.tables.readers.table_file import ARROW_FORMATS, InputFile, inspect_file

LOGGER = logging.getLogger(__name__)

# A path, a frame of pandas, polars, pyarrow or datasets, columns by name, or a list of rows.
LabelledData: TypeAlias = Any
FALLBACK_ENCODING = "cp1252"  # Latin-1 with Windows' quotes and dashes: what Excel writes
NOT_UTF8 = "file-not-utf8"  # the code of such files
BLOCK = 1 << 20  # bytes that are decoded at a time
VALID_SPLITS = ("dev", "validation", "valid", "val", "trial", "test")  # the first is taken
# Methods that give columns as Python values: polars, pandas, datasets, pyarrow.
FRAME_METHODS: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("to_pydict", {}),
    ("to_dict", {"as_series": False}),
    ("to_dict", {"orient": "list"}),
    ("to_dict", {}),
)


def open_table(
    data: LabelledData, options: ReadOptions = DETECT_ALL, *, skip_invalid: bool = False
) -> WholeTable:
    """Read labelled data.

    Args:
        data: A path, also of SQuAD's, RACE's or CoNLL's own files; a frame of pandas or polars; a
            dataset of `datasets` (class numbers become names); a pyarrow.Table; a dict of columns;
            a list of dicts.
        options: How a file is read. A file that is not UTF-8 is read as cp1252, with a note.
        skip_invalid: Whether rows of a file that cannot be read are left out and listed; if not,
            the first one is an error.

    Raises:
        InputError: [input-not-table] for anything else; [texts-missing] without rows; and as
            `read_whole_table`.
        FormatError: As `read_whole_table`.
    """
    is_path = isinstance(data, str | os.PathLike)
    table = _read_file(data, options, skip_invalid) if is_path else _read_object(data)
    if not len(table):
        raise InputError("texts-missing", "the table has no rows", fix="Give at least one row")
    if {*RACE_COLUMNS} <= table.columns.keys():
        rows = zip(*(table.columns[name] for name in RACE_COLUMNS), strict=True)
        passages = split_passages(
            (dict(zip(RACE_COLUMNS, row, strict=True)) for row in rows), table.name
        )
        return replace(passages, invalid=table.invalid)
    return table


def _read_file(
    path: str | os.PathLike[str], options: ReadOptions, skip_invalid: bool
) -> WholeTable:
    if options == DETECT_ALL and not is_stream(str(path)) and Path(path).exists():
        result = read_benchmark_file(Path(path))
        if result is not None:
            log_detected(f"the file is read as {result[1]}", "its content has that form", path)
            return result[0]
    inputs = find_inputs(path, options=options)
    if options.encoding is None:
        files = tuple(_choose_encoding(file, options) for file in inputs.files)
        inputs = replace(inputs, files=files)
    return read_whole_table(inputs, skip_invalid=skip_invalid)


def _choose_encoding(file: InputFile, options: ReadOptions) -> InputFile:
    """The file as it is, or to be read as cp1252 if it is not UTF-8."""
    if file.stream is not None or file.file_format in ARROW_FORMATS or _is_utf8(file):
        return file
    log_detected(
        f"the file is read as {FALLBACK_ENCODING} (Western European)",
        "it is not UTF-8",
        file.name,
        fix="Give --encoding if another one is right",
    )
    if file.error is None:  # what was detected is logged already
        return replace(file, encoding=FALLBACK_ENCODING)
    # the names of the columns are not UTF-8 either
    return inspect_file(file.name, replace(options, encoding=FALLBACK_ENCODING))


def _is_utf8(file: InputFile) -> bool:
    """Whether all bytes are UTF-8; True for a file that cannot be read, which then says why."""
    if file.error is not None:
        return file.error.diagnostic.code != NOT_UTF8
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with decoding_errors(file.name), file.contents() as stream:
            while block := stream.read(BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    except AlbertKitError:
        return True
    return True


def warn_of_invalid_rows(table: WholeTable) -> list[Diagnostic]:
    """What to say of rows that cannot be read and were left out; nothing if there are none."""
    results = []
    for name in dict.fromkeys(row.file for row in table.invalid):
        rows = [row for row in table.invalid if row.file == name]
        first = rows[0]
        results.append(
            Diagnostic(
                first.code,
                "warning",
                f"{count_noun(sum(row.rows for row in rows), 'row')} left out that cannot be"
                f" read: {list_rows([row.row for row in rows])}",
                why=f"row {first.row} {first.why}",
                fix="Correct them",
                where=name,
            )
        )
    return results


def split_table(table: WholeTable) -> tuple[WholeTable, WholeTable | None]:
    """Divide a table by its column "split", if it has one that names training rows and others.

    Args:
        table: As it was read.

    Returns:
        The training rows, and the validation rows: dev, else test; rows of other splits are in
        neither. Without such a column the whole table and None.
    """
    column = next((name for name in table.columns if name.lower() == "split"), None)
    values = [] if column is None else [str(cell).strip().lower() for cell in table.columns[column]]
    counts = Counter(values)
    valid = next((name for name in VALID_SPLITS if counts[name]), None)
    if not counts["train"] or valid is None:
        return table, None
    rest = len(values) - counts["train"] - counts[valid]
    log_detected(
        f"the column {column!r} divides the rows: {counts['train']:,} for training,"
        f" {counts[valid]:,} ({valid}) for validation, {rest:,} are not read",
        "it has the names of splits",
        table.name,
        fix="Remove the column to divide the rows anew",
    )
    return _pick(table, values, "train"), _pick(table, values, valid)


def _pick(table: WholeTable, splits: Sequence[str], name: str) -> WholeTable:
    numbers = [number for number, split in enumerate(splits) if split == name]
    columns = {key: [cells[n] for n in numbers] for key, cells in table.columns.items()}
    return WholeTable(table.name, columns, [table.rows[n] for n in numbers])


def log_detected(what: str, why: str, path: str | os.PathLike[str], *, fix: str = "") -> None:
    """Log what was seen from a file's content.

    Args:
        what: What was detected.
        why: The evidence.
        path: The file.
        fix: What to do if that is wrong.
    """
    name = Path(path).name
    LOGGER.warning(
        Diagnostic("input-format-detected", "note", what, why=why, fix=fix, where=name).line()
    )


def _read_object(data: object) -> WholeTable:
    if isinstance(data, WholeTable):
        return data
    columns = None
    if isinstance(data, Mapping):
        columns = {str(name): list(cells) for name, cells in data.items()}
    elif isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):
        names = dict.fromkeys(name for row in data for name in row)
        columns = {str(name): [row.get(name) for row in data] for name in names}
    elif hasattr(data, "columns") or hasattr(data, "column_names"):
        columns = _read_frame(data)
    if columns is None or not columns or len({len(cells) for cells in columns.values()}) != 1:
        raise InputError(
            "input-not-table",
            f"the data is {describe_value(data)}",
            why="columns of one length are needed",
            fix="Give a path, a frame, a dict of columns, or a list of dicts",
        )
    rows = range(1, len(next(iter(columns.values()))) + 1)
    return WholeTable("the table", columns, rows)


def _read_frame(frame: object) -> dict[str, list[Any]] | None:
    for method, arguments in FRAME_METHODS:
        try:
            columns = getattr(frame, method)(**arguments)
        except (AttributeError, TypeError):
            continue
        named = {str(name): list(cells) for name, cells in columns.items()}
        return {name: _name_classes(frame, name, cells) for name, cells in named.items()}
    return None


def _name_classes(frame: object, column: str, cells: list[Any]) -> list[Any]:
    """Class numbers of `datasets` as their names."""
    feature = (getattr(frame, "features", None) or {}).get(column)
    names = getattr(feature, "names", None) or getattr(
        getattr(feature, "feature", None), "names", None
    )
    if not names:
        return cells

    def convert(cell: Any) -> Any:
        if isinstance(cell, list):
            return [convert(item) for item in cell]
        return names[cell] if isinstance(cell, int) and 0 <= cell < len(names) else None

    return [convert(cell) for cell in cells]
