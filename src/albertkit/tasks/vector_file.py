"""Write vectors to a file, window by window, with no more than one window in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from albertkit import tables
from albertkit.arrays import FloatArray
from albertkit.errors import InputError
from albertkit.fileformats.atomic import create_file, flush_to_disk
from albertkit.tables import Table
from albertkit.tables.formats import VECTOR_COLUMN
from albertkit.tasks.vector_types import IN_STEPS, PartVectors, VectorCast, Vectors

if TYPE_CHECKING:
    from albertkit.tables.writers.files import WrittenVectors


def write_vectors(
    path: Path,
    windows: Iterable[FloatArray | PartVectors],
    cast: VectorCast,
    no_vectors: Vectors | PartVectors,
) -> WrittenVectors:
    """Write all vectors, whole or not at all.

    Args:
        path: The file; its name ends in the format.
        windows: Vectors [N, D] each, or those of the parts of N texts.
        cast: Gives them their type.
        no_vectors: [0, D] of that type, for a file without vectors.

    Returns:
        What `tables.open_result` gives: a mapped array or table, or the path.

    Raises:
        InputError: [output-taken], and as `tables.create_table`, before a window is computed.
    """
    texts = 0
    with tables.create_table(path, before_rename=make_ranges_writer(path, cast)) as writer:
        if isinstance(no_vectors, PartVectors):
            writer.write(Table({**no_vectors.columns(range(0)), VECTOR_COLUMN: no_vectors.vectors}))
        else:
            writer.write(Table({VECTOR_COLUMN: no_vectors}))
        for answer in windows:
            if isinstance(answer, PartVectors):
                columns = answer.columns(range(texts, texts + answer.texts))
                writer.write(Table({**columns, VECTOR_COLUMN: cast.of(answer.vectors)}))
                texts += answer.texts
            else:
                writer.write(Table({VECTOR_COLUMN: cast.of(answer)}))
    return tables.open_result(path)


def make_ranges_writer(path: Path, cast: VectorCast) -> Callable[[], None]:
    """The function that writes the ranges of int8 and uint8 vectors next to their file.

    Queries are quantized with the same ranges. An earlier file at `path` is removed first, so that
    no file is ever there with the ranges of another.

    Raises:
        InputError: [output-taken] if a directory has the name of the ranges' file.
    """
    ranges = path.with_name(f"{path.name}.ranges.npy")
    if cast.kind in IN_STEPS and ranges.is_dir() and not ranges.is_symlink():
        raise InputError(
            "output-taken",
            f"{str(ranges)!r} is a directory",
            why=f"the ranges of {cast.kind} vectors are written to a file of this name",
            fix="Rename it, or give the vectors' file another name",
        )
    return partial(_write_ranges, path, ranges, cast)


def _write_ranges(path: Path, ranges: Path, cast: VectorCast) -> None:
    if cast.kind in IN_STEPS and cast.ranges is not None:
        with create_file(ranges) as file:
            np.save(file, cast.ranges)
            flush_to_disk(file)
            path.unlink(missing_ok=True)
    elif ranges.is_file():  # of an earlier run
        path.unlink(missing_ok=True)
        ranges.unlink()
