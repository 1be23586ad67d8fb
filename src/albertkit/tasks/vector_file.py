"""Vectors to a file, window by window: as many as there are, with no more than one in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from albertkit.fileformats.atomic import new_file
from albertkit.rows import Table, new_table
from albertkit.spec import FloatArray
from albertkit.tasks.vector_types import IN_STEPS, VectorCast, Vectors

VECTOR = "vector"  # the column's name in a table


def write_vectors(
    place: Path, windows: Iterable[FloatArray], cast: VectorCast, nothing: Vectors
) -> Vectors | Path:
    """Write all windows [N, D], whole or not at all; an .npy comes back mapped, else its path.

    cast: gives them their type. nothing: [0, D], of that type. Raises as `new_table` does, before
    a window is asked for.
    """
    count = 0
    with new_table(place) as writer:
        writer.write(Table({VECTOR: nothing}))
        for vectors in windows:
            writer.write(Table({VECTOR: cast.of(vectors)}))
            count += len(vectors)
        write_ranges(place, cast)
    if place.suffix.lower() != ".npy":
        return place
    mapped: Vectors = np.load(place, mmap_mode="r" if count else None)  # nothing cannot be mapped
    return mapped


def write_ranges(place: Path, cast: VectorCast) -> None:
    """Write what bytes are set against beside their file: queries become bytes by the same."""
    if cast.kind in IN_STEPS and cast.ranges is not None:
        with new_file(place.with_name(f"{place.name}.ranges.npy")) as file:
            np.save(file, cast.ranges)
