"""The texts that int8 is fitted to, where a caller names them: a file, or the texts themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from albertkit import tables
from albertkit.engine.precision import PrecisionName
from albertkit.errors import AlbertKitError, InputError
from albertkit.runtime.options import Calibration
from albertkit.tokenization.checks import check_texts

FIRST = 4096  # texts of a file that are looked at
# The reader's own name options of what is embedded, which a calibration file does not have.
OF_A_ROW = "int8 is fitted to each", "Correct the row, or leave it out of the file"
REMEDIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "column-missing": (
            "a table's texts are looked for there",
            "Rename the column of the texts",
        ),
        "file-not-utf8": OF_A_ROW,
        "row-malformed": OF_A_ROW,
        "row-too-long": OF_A_ROW,
        "lone-surrogate": OF_A_ROW,
    }
)
Given: TypeAlias = str | Path | Sequence[str]


def read_calibration(given: Given) -> list[str]:
    """The texts; a str is the name of a file.

    Raises InputError [calibration-missing] where they are too few, [text-not-a-string], and as
    `read_batches` does.
    """
    if isinstance(given, str | Path):
        texts, where = _first_of(given), str(given)
    else:
        texts, where = _listed(given), ""
    from albertkit.engine.int8.calibration import check_sample_size  # which only int8 needs

    check_sample_size(len(set(texts)), where)
    return texts


def check_fixed_calibration(given: Calibration, precision: PrecisionName) -> None:
    """For answers that are to be the same in any company; raises [calibration-missing]."""
    if precision == "int8" and given is None:
        raise InputError(
            "calibration-missing",
            "deterministic is asked for and precision is 'int8', without calibration",
            why="fitted to the texts that come first, answers would depend on these",
            fix="Give 64 texts like yours or more as calibration, in a file",
        )


def _listed(texts: Sequence[str]) -> list[str]:
    from albertkit.tokenization.call import as_list  # likewise

    return check_texts(as_list(texts, "calibration"), "calibration")


def _first_of(place: str | Path) -> list[str]:
    """The texts at the beginning of a file of any kind and any length."""
    texts: list[str] = []
    try:
        for batch in tables.read_batches(place, rows=FIRST):
            texts += batch.texts
            if len(texts) >= FIRST:
                break
    except AlbertKitError as error:
        found = error.diagnostic
        if found.code not in REMEDIES:
            raise
        why, fix = REMEDIES[found.code]
        raise type(error)(found.code, found.what, why=why, fix=fix, where=found.where) from error
    return texts
