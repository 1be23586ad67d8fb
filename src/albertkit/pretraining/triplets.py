"""Triplets of texts for distillation: an anchor, a text that means the same, a hard negative.

Input: a table with the columns `anchor`, `positive` and, if a row has one, `negative`: a text that
looks alike and means something else, such as the contradiction of an inference pair. Output:
numbers of texts, since each of them needs its teacher's vector too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from albertkit.arrays import Int32Array
from albertkit.errors import InputError
from albertkit.tables import WholeTable, read_whole_table

COLUMNS = ("anchor", "positive", "negative")


def read_triplets(location: str, texts: Sequence[str]) -> Int32Array:
    """Read a table of triplets as numbers of texts.

    Args:
        location: of a CSV, TSV, JSON lines or Parquet file.
        texts: that have a teacher's vector.

    Returns:
        [M, 3], numbers of texts; -1 where there is no negative.

    Raises:
        InputError: [column-missing]; [distillation-data-mismatch] if a text of a triplet is not
            among the texts.
        FormatError: as reading a table.
    """
    table = read_whole_table(location)
    numbers = {text: n for n, text in enumerate(texts)}
    columns = [_number_texts(table, name, numbers) for name in COLUMNS]
    return np.array(columns, np.int32).T


def _number_texts(table: WholeTable, name: str, numbers: dict[str, int]) -> list[int]:
    """The number of each text of a column; a negative may be empty."""
    if name not in table.columns:
        raise InputError(
            "column-missing",
            f"the table has no column {name!r}",
            why=f"it needs {', '.join(COLUMNS)}, and has {', '.join(table.columns)}",
            fix=f"Name the column {name}; a row without a hard negative has it empty",
            where=table.name,
        )
    results = []
    for row, text in zip(table.rows, table.columns[name], strict=True):
        if not text and name == "negative":
            results.append(-1)
        elif text in numbers:
            results.append(numbers[text])
        else:
            raise InputError(
                "distillation-data-mismatch",
                f"the {name} of row {row} is not among the texts",
                why="each text of a triplet needs its teacher's vector",
                fix="Add it to the texts and compute their vectors again",
                where=table.name,
            )
    return results
