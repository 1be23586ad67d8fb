"""Conditions on the columns of rows: "lang=en", "year>=2000"."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from albertkit.arrays import BoolArray
from albertkit.errors import InputError
from albertkit.errors.exceptions import find_nearest_name

# Also as Python (==) and SQL (a value in quotes) write it.
CONDITION = re.compile(
    r"""\s*(?P<column>.+?)\s*(?P<sign>!=|>=|<=|==?|<|>)\s*"""
    r"""(?P<quote>["']?)(?P<value>.*?)(?P=quote)\s*""",
    re.DOTALL,
)
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "=": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of a column's cells with a value.

    Attributes:
        column: The column's name.
        sign: A key of OPERATORS.
        value: As the user wrote it. Cells and values that are both numbers are compared as
            numbers, also if a file of text holds them; all others as texts.
    """

    column: str
    sign: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition.

        Raises:
            InputError: [condition-invalid].
        """
        match = CONDITION.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InputError(
                "condition-invalid",
                f"the condition is {text!r}",
                why=f"it has none of {' '.join(OPERATORS)} after the name of a column",
                fix="Write COLUMN=VALUE in quotes, such as 'lang=en' or 'year>=2000'",
            )
        sign = "=" if match["sign"] == "==" else match["sign"]
        return cls(match["column"], sign, match["value"])

    def mask(self, cells: Iterable[object]) -> BoolArray:
        """Whether each cell fulfils it; null fulfils only !=, an empty text none of < <= > >=."""
        compare = OPERATORS[self.sign]
        number = _parse_number(self.value)

        def holds(cell: object) -> bool:
            is_order = self.sign[0] in "<>"
            if cell is None or (is_order and isinstance(cell, str) and not cell.strip()):
                return self.sign == "!="
            own = None if number is None else _parse_number(cell)
            if own is not None:
                return compare(own, number)
            if isinstance(cell, bool) and self.sign in ("=", "!="):
                return (str(cell).casefold() == self.value.casefold()) == (self.sign == "=")
            return compare(str(cell), self.value)

        return np.fromiter(map(holds, cells), np.bool_)


def filter_rows(
    conditions: str | Sequence[str],
    names: Sequence[str],
    read_cells: Callable[[str], Iterable[object]],
) -> BoolArray | None:
    """Which rows fulfil all conditions; None without conditions.

    Args:
        conditions: One, or several.
        names: The columns that there are.
        read_cells: Gives the cells of a column.

    Raises:
        InputError: [condition-invalid], [column-missing].
    """
    texts = [conditions] if isinstance(conditions, str) else conditions
    parsed = [Condition.parse(text) for text in texts]
    for condition in parsed:
        check_column(condition.column, names)
    result: BoolArray | None = None
    for condition in parsed:
        mask = condition.mask(read_cells(condition.column))
        result = mask if result is None else result & mask
    return result


def check_column(name: str, names: Sequence[str]) -> None:
    """Refuse the name of a column that is not there.

    Raises:
        InputError: [column-missing].
    """
    if name not in names:
        near = find_nearest_name(name, names, cutoff=0.5)
        raise InputError(
            "column-missing",
            f"there is no column {name!r} with the vectors",
            why=f"the columns are {', '.join(names)}" if names else "they have no columns",
            fix=f"Name one of them, perhaps {near!r}"
            if near
            else "Keep the column when the texts are embedded (--keep)",
        )


def _parse_number(value: object) -> float | None:
    """A finite number; a whole one as int, as float would round a long one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str | int):
        with suppress(ValueError):
            return int(value)
    try:
        number = float(value)  # type: ignore[arg-type]  # what it cannot read raises
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
