"""Types of the cells that are kept beside texts, the same in every batch, file and shard.

A type is one of CELL_WORDS, or pyarrow's own where a table of Arrow's brings one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from albertkit.tables.table import Cell

if TYPE_CHECKING:
    import pyarrow

CellType: TypeAlias = "str | pyarrow.DataType"

CELL_WORDS = ("bool", "int64", "double", "string")  # pyarrow knows them by these names too
INT64 = range(-(2**63), 2**63)
LARGEST = 10**308  # Python's whole numbers have no end, a double has


def infer_cell_type(values: Iterable[object]) -> str:
    """The narrowest word that holds all the values; strings hold anything, as JSON."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "bool"
    if kinds == {int}:
        return "int64"
    if kinds and kinds <= {int, float}:
        return "double"
    return "string"


def convert_cell(value: object, kind: CellType) -> Cell:
    """The value as a cell of this type; raises ValueError, which says why it is none."""
    if value is None or (kind == "bool" and isinstance(value, bool)):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        whole = isinstance(value, int) or value.is_integer()
        if kind == "int64" and whole and int(value) in INT64:
            return int(value)
        if kind == "double" and abs(value) < LARGEST:
            return float(value)
    if kind in ("bool", "int64", "double"):
        raise ValueError(f"{json.dumps(value)[:40]} where the rows before hold {kind}")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def arrow_type(kind: CellType) -> pyarrow.DataType:
    """Pyarrow's type for one of ours."""
    import pyarrow

    return pyarrow.type_for_alias(kind) if isinstance(kind, str) else kind


def common_type(kinds: Sequence[CellType]) -> CellType | None:
    """The one type of a column in several files; None where they differ."""
    words = {kind for kind in kinds if isinstance(kind, str)}
    types = [kind for kind in kinds if not isinstance(kind, str)]
    word = next(iter(words), None)
    if len(words) > 1:
        word = "double" if words == {"int64", "double"} else "string"
    if not types:
        return word
    first: CellType = types[0] if word is None else word
    return first if all(kind == arrow_type(first) for kind in types) else None
