"""Read vectors that a job or `embed --output` wrote, with the columns that were kept with them.

Input: a job's directory, or one file (.npy, .parquet, .arrow, .jsonl, .jsonl.gz).
Output: VectorTables. A local .npy file is mapped, not read.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError, InputError, import_extra
from albertkit.fileformats.npy import read_npy
from albertkit.fileformats.reader import JsonValue, parse_json, read_errors
from albertkit.tables.arrow.reading import table_errors
from albertkit.tables.filesystems.remote_path import AnyPath, make_path
from albertkit.tables.formats import VECTOR_COLUMN
from albertkit.tables.table import Column, VectorArray, convert_to_json_cells
from albertkit.tables.writers.job_directory import JOB, RANGES
from albertkit.tables.writers.shards import SHARD_FORMATS, Shards

if TYPE_CHECKING:
    import pyarrow

SHARD = re.compile(rf"part-(\d{{5,}})\.({'|'.join(map(re.escape, SHARD_FORMATS))})")


@dataclass(frozen=True, slots=True)
class VectorTable:
    """Vectors with the columns of their rows.

    Attributes:
        vectors: [N, W].
        columns: Name → one cell for each vector.
    """

    vectors: VectorArray
    columns: Mapping[str, Column] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VectorFiles:
    """The vectors of a job, or of one file.

    Attributes:
        parts: The files' tables, in order; at least one.
        job: What the vectors depend on, as EmbedJob.describe wrote it. Empty for one file.
        ranges: [2, D], the ranges of int8 and uint8; None if there are none.
    """

    parts: tuple[VectorTable, ...]
    job: Mapping[str, JsonValue] = field(default_factory=dict)
    ranges: FloatArray | None = None


def is_job_directory(location: str | Path) -> bool:
    """Whether the location is a directory in which a job was started."""
    path = make_path(location)
    with read_errors(str(path)):
        return path.is_dir() and (path / JOB).exists()


def read_job(location: str | Path) -> Mapping[str, JsonValue]:
    """What a directory's vectors depend on, as EmbedJob.describe wrote it; empty if unknown."""
    path = make_path(location) / JOB
    with read_errors(str(path)):
        job = parse_json(path.read_bytes(), str(path)).get("job")
    return job if isinstance(job, dict) else {}


def is_finished_job(location: str | Path) -> bool:
    """Whether a directory holds the vectors of a job that ran to its end.

    A job writes its files in order, and only the last may be short of input rows. So if all are
    full, it may have been stopped: a job that is resumed then makes what is missing.
    """
    path = make_path(location)
    if not is_job_directory(location):
        return False
    with read_errors(str(path)):
        description = parse_json((path / JOB).read_bytes(), str(path / JOB))
        shards = _find_shards(path)
        if not shards or max(shards) >= len(shards):
            return False
        table = _read_file(path / shards[max(shards)], VECTOR_COLUMN)
        rows = len(table.vectors)
        job = description.get("job")
        if isinstance(job, dict) and job.get("chunk") and "part" in table.columns:
            rows = list(convert_to_json_cells(table.columns["part"])).count(0)  # one of each text
        invalid = Shards(path).invalid_rows_path(max(shards))
        if invalid.exists():
            rows += sum(record["rows"] for record in _read_records(invalid))
        return rows != description.get("shard_rows")


def is_vector_file(location: str | Path) -> bool:
    """Whether the location is a file of vectors: .npy, or a table with a column of lists."""
    path = make_path(location)
    if path.suffix.lower() == ".npy":
        return True
    if path.suffix.lower() not in {".parquet", ".arrow"}:
        return False
    with read_errors(str(path)):
        if not path.exists() or path.is_dir():  # Spark writes directories of these names
            return False
        with table_errors(str(path)), path.open("rb") as file:
            return _find_vector_column(_open_arrow(file, path).schema) is not None


def read_vector_files(location: str | Path, column: str = VECTOR_COLUMN) -> VectorFiles:
    """Read the vectors of a job's directory, or of one file.

    Args:
        location: A directory or a file; a path or a URI.
        column: The column of the vectors.

    Raises:
        InputError: [file-not-found], [index-invalid].
        FormatError: [file-malformed].
        ResourceError: [extra-missing], [file-unreadable].
    """
    path = make_path(location)
    with read_errors(str(path)):
        if not path.exists():
            raise InputError(
                "file-not-found", f"there is no file {str(path)!r}", fix="Check the path"
            )
        if path.is_dir():
            files = _read_directory(path, column)
        else:
            ranges = make_path(f"{location}.ranges.npy")
            table = _read_file(path, column)
            files = VectorFiles((table,), ranges=_read_ranges(ranges) if ranges.exists() else None)
        # a shard of invalid rows alone has no vector, and as JSON lines not their width either
        parts = tuple(part for part in files.parts if len(part.vectors))
        if not parts:
            raise _no_vectors_error(path, "it has no rows", "Write it again with albertkit embed")
        return replace(files, parts=parts)


def _read_directory(path: AnyPath, column: str) -> VectorFiles:
    if not (path / JOB).exists():
        raise _no_vectors_error(
            path, f"there is no {JOB} in it", "Write one with albertkit embed -o out/"
        )
    shards = _find_shards(path)
    missing = next((number for number in range(len(shards)) if number not in shards), None)
    if not shards or missing is not None:
        what = "no file of vectors is there" if not shards else f"file {missing} is missing"
        raise _no_vectors_error(
            path, f"the job is not finished: {what}", "Continue it with albertkit embed --resume"
        )
    ranges = path / RANGES
    return VectorFiles(
        tuple(_read_file(path / name, column) for _, name in sorted(shards.items())),
        read_job(str(path) if isinstance(path, Path) else path.uri),
        _read_ranges(ranges) if ranges.exists() else None,
    )


def _find_shards(path: AnyPath) -> dict[int, str]:
    """The names of the files of vectors, by their numbers."""
    matches = (SHARD.fullmatch(entry.name) for entry in path.iterdir())
    return {int(match[1]): match[0] for match in matches if match}


def _read_file(path: AnyPath, column: str) -> VectorTable:
    match path.suffix.lower():
        case ".npy":
            return VectorTable(_read_npy(path))
        case ".parquet" | ".arrow":
            with table_errors(str(path)):
                return _read_arrow(path, column)
        case ".jsonl" | ".gz":
            return _read_json_lines(path, column)
        case suffix:
            raise _no_vectors_error(
                path,
                f"files of vectors end in {', '.join(SHARD_FORMATS)}, not in {suffix or 'nothing'}",
                "Give the directory or the file that albertkit embed wrote",
            )


def _read_npy(path: AnyPath) -> VectorArray:
    if isinstance(path, Path):
        return _check_matrix(read_npy(path, str(path)), path)
    with path.open("rb") as file:
        return _check_matrix(read_npy(file, str(path)), path)


def _read_ranges(path: AnyPath) -> FloatArray:
    ranges: FloatArray = np.array(_read_npy(path), np.float32)
    return ranges


def _open_arrow(file: BinaryIO, path: AnyPath) -> Any:
    """pyarrow's reader of a .parquet or an .arrow file."""
    import_extra("pyarrow", f"reading {str(path)!r}")
    import pyarrow.ipc
    import pyarrow.parquet

    if path.suffix.lower() == ".parquet":
        return pyarrow.parquet.ParquetFile(file)
    if isinstance(path, Path):  # as bytes: pyarrow fails for a str that is not UTF-8 (26.0.1)
        return pyarrow.ipc.open_file(pyarrow.memory_map(os.fsencode(path)))
    return pyarrow.ipc.open_file(file)


def _read_arrow(path: AnyPath, column: str) -> VectorTable:
    with path.open("rb") as file:
        reader = _open_arrow(file, path)
        table = reader.read() if path.suffix.lower() == ".parquet" else reader.read_all()
    names = table.schema.names
    name = column if column in names else _find_vector_column(table.schema)
    if name is None or not hasattr(table.schema.field(name).type, "list_size"):
        raise _no_vectors_error(
            path,
            f"its columns are {', '.join(names)}, and none holds lists of one length",
            "Write the vectors with albertkit embed",
        )
    width = table.schema.field(name).type.list_size
    blocks = [
        chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
        for chunk in table.column(name).chunks
    ]
    vectors = blocks[0] if len(blocks) == 1 else np.concatenate(blocks or [np.empty((0, width))])
    others = {other: _combine_chunks(table.column(other)) for other in names if other != name}
    return VectorTable(_check_matrix(vectors, path), others)


def _find_vector_column(schema: pyarrow.Schema) -> str | None:
    """The name of the first column of lists of one length."""
    schema = getattr(schema, "to_arrow_schema", lambda: schema)()
    return next((field.name for field in schema if hasattr(field.type, "list_size")), None)


def _combine_chunks(chunks: pyarrow.ChunkedArray) -> Column:
    array: Column = chunks.combine_chunks()
    return array


def _read_json_lines(path: AnyPath, column: str) -> VectorTable:
    vectors: list[npt.NDArray[Any]] = []
    columns: dict[str, list[Any]] = {}
    for number, record in enumerate(_read_records(path), 1):
        vector = _read_vector(record.pop(column, None)) if isinstance(record, dict) else None
        if vector is None or len(vector) != len(vectors[0] if vectors else vector):
            size = f"{len(vectors[0])} numbers, as line 1 has" if vectors else "numbers"
            raise FormatError(
                "file-malformed",
                f"line {number} has no list {column!r} of {size}",
                why="each line is an object with the vector of one text",
                fix="Write the vectors with albertkit embed",
                where=str(path),
            )
        vectors.append(vector)
        for name in record:
            columns.setdefault(name, [None] * (number - 1))
        for name, cells in columns.items():
            cells.append(record.get(name))
    return VectorTable(np.stack(vectors) if vectors else np.empty((0, 0), np.float32), columns)


def _read_vector(value: object) -> FloatArray | None:
    """The numbers of a list [W], null as NaN; None for anything else."""
    if not isinstance(value, list) or not value:
        return None
    try:
        vector: FloatArray = np.array(value, np.float32)
    except (TypeError, ValueError, OverflowError):
        return None
    return vector if vector.ndim == 1 else None


def _read_records(path: AnyPath) -> Iterator[Any]:
    with path.open("rb") as file:
        lines = gzip.GzipFile(fileobj=file) if path.suffix.lower() == ".gz" else file
        try:
            yield from map(json.loads, lines)
        except (ValueError, RecursionError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FormatError(
                "file-malformed",
                "a line is not JSON",
                why="the file is damaged, or has another format",
                fix="Write the vectors with albertkit embed",
                where=str(path),
            ) from error


def _check_matrix(array: npt.NDArray[Any], path: AnyPath) -> VectorArray:
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise _no_vectors_error(
            path,
            f"it holds numbers {array.dtype} of the shape {list(array.shape)}",
            "Give vectors [N, D], as encode returns them",
        )
    return array


def _no_vectors_error(path: AnyPath, why: str, fix: str) -> InputError:
    return InputError(
        "index-invalid", f"there are no vectors to search in {str(path)!r}", why=why, fix=fix
    )
