"""A file of vectors that was just written, given back: mapped, where its kind can be.

A number comes from the disk when it is touched, and none is copied.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from albertkit.tables.table import VectorArray

if TYPE_CHECKING:
    import pyarrow

Given: TypeAlias = "VectorArray | pyarrow.Table | Path"


def given_back(place: Path) -> Given:
    """Of .npy its array, of .arrow its table, of other kinds the path."""
    match place.suffix.lower():
        case ".npy":
            return _array(place)
        case ".arrow":
            import pyarrow.ipc

            mapped = pyarrow.memory_map(os.fsencode(place))  # see opened_table
            return pyarrow.ipc.open_file(mapped).read_all()
        case _:
            return place


def _array(place: Path) -> VectorArray:
    array: VectorArray = np.load(place, mmap_mode="r")
    return array
