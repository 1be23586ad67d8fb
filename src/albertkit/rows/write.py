"""Tables to files, whole or not at all: JSON lines, CSV, TSV, .npy (vectors alone), Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np

from albertkit.errors import InputError, imported
from albertkit.fileformats.atomic import new_file
from albertkit.rows.table import Table


def check_output(place: Path) -> None:
    """Raise, before anything is computed, what can be known to fail when `place` is written.

    InputError [output-kind-unknown], [file-not-found], SurroundingsError [extra-missing].
    """
    if place.suffix.lower() not in FILE_KINDS:
        raise InputError(
            "output-kind-unknown",
            f"{str(place)!r} ends in {place.suffix or 'nothing'}",
            why=f"the kinds are {', '.join(FILE_KINDS)}",
            fix="Give the file a name that ends in one of them",
        )
    if not place.parent.is_dir():
        raise InputError(
            "file-not-found", f"there is no directory {str(place.parent)!r}", fix="Make it first"
        )
    if place.suffix.lower() == ".parquet":
        imported("pyarrow", "a .parquet file")


def write_table(table: Table, place: Path) -> None:
    """Write the kind that the name says; raises as `check_output` and `new_file` do."""
    check_output(place)
    with new_file(place) as file:
        FILE_KINDS[place.suffix.lower()](table, file)


def write_jsonl(table: Table, file: TextIO) -> None:
    """One JSON object a line."""
    for record in table.records():
        file.write(json.dumps(record, ensure_ascii=False) + "\n")


def write_csv(table: Table, file: TextIO, *, separator: str = ",") -> None:
    """A header and a line for each row; vectors have a column for each number."""
    writer = csv.writer(file, delimiter=separator, lineterminator="\n")
    writer.writerow(table.flat_names())
    writer.writerows(table.flat_rows())


def _as_bytes(write: Callable[[Table, TextIO], None]) -> Callable[[Table, BinaryIO], None]:
    def write_bytes(table: Table, file: BinaryIO) -> None:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        write(table, text)
        text.detach()  # flushes, and leaves the file open for its owner

    return write_bytes


def _write_tsv(table: Table, file: TextIO) -> None:
    write_csv(table, file, separator="\t")


def _write_npy(table: Table, file: BinaryIO) -> None:
    found = table.vectors()
    if found is None:
        raise InputError(
            "output-kind-unknown",
            "this table has no vectors",
            why=".npy holds one array of numbers",
            fix="Write .jsonl, .csv or .parquet",
        )
    np.save(file, found[1], allow_pickle=False)


def _write_parquet(table: Table, file: BinaryIO) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {
        name: pyarrow.FixedSizeListArray.from_arrays(
            pyarrow.array(column.reshape(-1)), column.shape[1]
        )
        if isinstance(column, np.ndarray)
        else pyarrow.array(list(column))
        for name, column in table.columns.items()
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), file)


FILE_KINDS: Mapping[str, Callable[[Table, BinaryIO], None]] = {
    ".jsonl": _as_bytes(write_jsonl),
    ".csv": _as_bytes(write_csv),
    ".tsv": _as_bytes(_write_tsv),
    ".npy": _write_npy,
    ".parquet": _write_parquet,
}
