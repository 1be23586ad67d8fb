"""Vectors to a file, window by window: as many as there are, with no more than one in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from albertkit.rows import Table, new_table
from albertkit.tasks.vector_types import Vectors

VECTOR = "vector"  # the column's name in a table


def write_vectors(place: Path, windows: Iterable[Vectors], nothing: Vectors) -> Vectors | Path:
    """Write all windows [N, D], whole or not at all; an .npy comes back mapped, else its path.

    nothing: [0, D], of the vectors' type. Raises as `new_table` does, before a window is asked for.
    """
    count = 0
    with new_table(place) as writer:
        writer.write(Table({VECTOR: nothing}))
        for vectors in windows:
            writer.write(Table({VECTOR: vectors}))
            count += len(vectors)
    if place.suffix.lower() != ".npy":
        return place
    mapped: Vectors = np.load(place, mmap_mode="r" if count else None)  # nothing cannot be mapped
    return mapped
