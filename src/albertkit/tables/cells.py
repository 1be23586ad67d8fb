"""Types of the cells that are kept with texts: the same in every batch, file and shard.

A type is one of CELL_TYPES, or a type of pyarrow for columns of Parquet and Arrow. Results may be
nested: [type] is the type of lists, {name: type} of objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from albertkit.tables.table import Cell

if TYPE_CHECKING:
    import pyarrow

CellType: TypeAlias = "str | list[CellType] | dict[str, CellType] | pyarrow.DataType"

CELL_TYPES = ("bool", "int64", "double", "string")  # pyarrow has types of these names too
INT64 = range(-(2**63), 2**63)
LARGEST_INTEGER = 10**308  # a double has an end, Python's integers have none


def infer_cell_type(values: Iterable[object]) -> str:
    """The narrowest type that holds all values; a string holds any value, as JSON."""
    types = {type(value) for value in values if value is not None}
    if types == {bool}:
        return "bool"
    if types == {int}:
        return "int64"
    if types and types <= {int, float}:
        return "double"
    return "string"


def convert_cell(value: object, cell_type: CellType) -> Cell:
    """Convert a value of JSON to a cell.

    Raises:
        ValueError: The value is of another type; the message follows "holds in 'column' …".
    """
    if value is None or (cell_type == "bool" and isinstance(value, bool)):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        is_integer = isinstance(value, int) or value.is_integer()
        if cell_type == "int64" and is_integer and int(value) in INT64:
            return int(value)
        if cell_type == "double" and (isinstance(value, float) or abs(value) < LARGEST_INTEGER):
            return float(value)
    if cell_type in ("bool", "int64", "double"):
        raise ValueError(f"{json.dumps(value)[:40]} where earlier rows hold {cell_type}")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def to_arrow_type(cell_type: CellType) -> pyarrow.DataType:
    """The type in pyarrow."""
    import pyarrow

    if isinstance(cell_type, str):
        return pyarrow.type_for_alias(cell_type)
    if isinstance(cell_type, list):
        return pyarrow.list_(to_arrow_type(cell_type[0]))
    if isinstance(cell_type, dict):
        return pyarrow.struct([(name, to_arrow_type(kind)) for name, kind in cell_type.items()])
    return cell_type


def find_common_type(cell_types: Sequence[CellType]) -> CellType | None:
    """The one type of a column in several files; None if they differ."""
    names = {cell_type for cell_type in cell_types if isinstance(cell_type, str)}
    arrow_types = [cell_type for cell_type in cell_types if not isinstance(cell_type, str)]
    name = next(iter(names), None)
    if len(names) > 1:
        name = "double" if names == {"int64", "double"} else "string"
    if not arrow_types:
        return name
    first: CellType = arrow_types[0] if name is None else name
    return first if all(other == to_arrow_type(first) for other in arrow_types) else None
