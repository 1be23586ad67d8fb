"""Vectors to a file, window by window: as many as there are, with no more than one in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from albertkit import rows
from albertkit.fileformats.atomic import new_file
from albertkit.rows import Table
from albertkit.spec import FloatArray
from albertkit.tasks.vector_types import IN_STEPS, VectorCast, Vectors

if TYPE_CHECKING:
    from albertkit.rows.mapped import Given

VECTOR = "vector"  # the column's name in a table


def write_vectors(
    place: Path, windows: Iterable[FloatArray], cast: VectorCast, nothing: Vectors
) -> Given:
    """Write all windows [N, D], whole or not at all, and give them back as `given_back` does.

    cast: gives them their type. nothing: [0, D], of that type. Raises as `new_table` does, before
    a window is asked for.
    """
    with rows.new_table(place) as writer:
        writer.write(Table({VECTOR: nothing}))
        for vectors in windows:
            writer.write(Table({VECTOR: cast.of(vectors)}))
        write_ranges(place, cast)
    return rows.given_back(place)


def write_ranges(place: Path, cast: VectorCast) -> None:
    """Write what bytes are set against beside their file: queries become bytes by the same."""
    if cast.kind in IN_STEPS and cast.ranges is not None:
        with new_file(place.with_name(f"{place.name}.ranges.npy")) as file:
            np.save(file, cast.ranges)
