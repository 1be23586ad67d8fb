"""Files of rows of every kind and compression, written by other libraries than ours."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow

Rows = Sequence[tuple[str, int | None]]  # text, n


def as_lines(rows: Rows) -> bytes:
    return "".join(f"{text}\n" for text, _ in rows).encode()


def as_csv(rows: Rows, separator: str = ",") -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=separator)  # its lines end in "\r\n"
    writer.writerow(["n", "text"])
    writer.writerows([["" if n is None else n, text] for text, n in rows])
    return file.getvalue().encode()


def as_tsv(rows: Rows) -> bytes:
    return as_csv(rows, "\t")


def as_jsonl(rows: Rows) -> bytes:
    return "".join(json.dumps({"text": text, "n": n}) + "\n" for text, n in rows).encode()


def as_table(rows: Rows) -> pyarrow.Table:
    import pyarrow

    return pyarrow.table(
        {
            "n": pyarrow.array([n for _, n in rows], pyarrow.int64()),
            "text": pyarrow.array([text for text, _ in rows], pyarrow.string()),
        }
    )


def as_parquet(rows: Rows, rows_in_a_group: int = 3) -> bytes:
    import pyarrow.parquet

    file = io.BytesIO()
    options = {"compression": "none", "use_dictionary": False}  # so that texts stand as they are
    table = as_table(rows)
    pyarrow.parquet.write_table(table, file, row_group_size=rows_in_a_group, **options)
    return file.getvalue()


def as_arrow(rows: Rows, rows_in_a_batch: int = 3) -> bytes:
    import pyarrow.ipc

    file = io.BytesIO()
    table = as_table(rows)
    with pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, rows_in_a_batch)
    return file.getvalue()


def as_arrow_stream(rows: Rows, rows_in_a_batch: int = 3) -> bytes:
    import pyarrow.ipc

    file = io.BytesIO()
    table = as_table(rows)
    with pyarrow.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, rows_in_a_batch)
    return file.getvalue()


def as_zstd(data: bytes) -> bytes:
    import pyarrow

    packed: bytes = pyarrow.Codec("zstd").compress(data, asbytes=True)
    return packed


KINDS: Mapping[str, Callable[[Rows], bytes]] = {
    ".txt": as_lines,
    ".csv": as_csv,
    ".tsv": as_tsv,
    ".jsonl": as_jsonl,
    ".parquet": as_parquet,
    ".arrow": as_arrow,
    ".arrows": as_arrow_stream,
}
TABLES = [kind for kind in KINDS if kind != ".txt"]
PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": as_zstd,
}


def write_file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
