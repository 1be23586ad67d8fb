"""Vectors to a file, window by window: as many as there are, with no more than one in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from albertkit import tables
from albertkit.arrays import FloatArray
from albertkit.errors import InputError
from albertkit.fileformats.atomic import flush_to_disk, new_file
from albertkit.tables import Table
from albertkit.tasks.vector_types import IN_STEPS, VectorCast, Vectors

if TYPE_CHECKING:
    from albertkit.tables.writers.files import WrittenVectors

VECTOR = "vector"  # the column's name in a table


def write_vectors(
    place: Path, windows: Iterable[FloatArray], cast: VectorCast, nothing: Vectors
) -> WrittenVectors:
    """Write all windows [N, D], whole or not at all, and give them back as `given_back` does.

    cast: gives them their type. nothing: [0, D], of that type. Raises as `new_table` and
    `ranges_beside` do, before a window is asked for.
    """
    with tables.new_table(place, before_rename=ranges_beside(place, cast)) as writer:
        writer.write(Table({VECTOR: nothing}))
        for vectors in windows:
            writer.write(Table({VECTOR: cast.of(vectors)}))
    return tables.open_result(place)


def ranges_beside(place: Path, cast: VectorCast) -> Callable[[], None]:
    """What puts that which bytes are set against beside their file: queries become bytes by it.

    An earlier file at `place` goes first: so none is ever there beside another's ranges.
    Raises InputError [output-taken] where a directory has the name of these.
    """
    ranges = place.with_name(f"{place.name}.ranges.npy")
    if cast.kind in IN_STEPS and ranges.is_dir() and not ranges.is_symlink():
        raise InputError(
            "output-taken",
            f"{str(ranges)!r} is a directory",
            why=f"what {cast.kind} vectors are set against is written there",
            fix="Rename it, or give the vectors' file another name",
        )
    return partial(_put_ranges, place, ranges, cast)


def _put_ranges(place: Path, ranges: Path, cast: VectorCast) -> None:
    if cast.kind in IN_STEPS and cast.ranges is not None:
        with new_file(ranges) as file:
            np.save(file, cast.ranges)
            flush_to_disk(file)
            place.unlink(missing_ok=True)
    elif ranges.is_file():  # of an earlier run
        place.unlink(missing_ok=True)
        ranges.unlink()
