"""The texts that int8 is calibrated with: a file, or the texts themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from albertkit import tables
from albertkit.engine.precision import PrecisionName
from albertkit.errors import AlbertKitError, InputError
from albertkit.runtime.options import Calibration, EngineName
from albertkit.tokenization.encode import check_texts

FIRST = 4096  # texts of a file that are read
# The reader's own advice names options that a calibration file does not have.
OF_A_ROW = "int8 is calibrated with each text", "Correct the row, or leave it out of the file"
REMEDIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "column-missing": (
            "the texts of a table are in that column",
            "Rename the column of the texts",
        ),
        "file-not-utf8": OF_A_ROW,
        "row-malformed": OF_A_ROW,
        "row-too-long": OF_A_ROW,
        "lone-surrogate": OF_A_ROW,
    }
)


def read_calibration(calibration: str | Path | Sequence[str]) -> list[str]:
    """Read the texts that int8 is calibrated with.

    Args:
        calibration: Texts, or a file of texts; a str is the name of a file.

    Returns:
        The texts, at most the first of a file.

    Raises:
        InputError: [calibration-missing] if they are too few, [text-not-a-string].
        AlbertKitError: Any error of reading the file.
    """
    if isinstance(calibration, str | Path):
        texts, where = _read_file(calibration), str(calibration)
    else:
        texts, where = _check_list(calibration), ""
    from albertkit.engine.int8.calibration import check_sample_size  # not imported for float32

    check_sample_size(len(set(texts)), where)
    return texts


def check_fixed_calibration(
    calibration: Calibration, precision: PrecisionName, engine: EngineName = "auto"
) -> None:
    """Refuse int8 without calibration texts, for vectors that must not depend on the first texts.

    The native engine's never do.

    Raises:
        InputError: [calibration-missing].
    """
    if precision == "int8" and calibration is None and engine != "native":
        raise InputError(
            "calibration-missing",
            "deterministic is asked for and precision is 'int8', without calibration",
            why="vectors would depend on the texts that come first",
            fix="Give 64 texts like yours or more as calibration, in a file",
        )


def _check_list(texts: Sequence[str]) -> list[str]:
    from albertkit.tokenization.call import as_list  # not imported for float32

    return check_texts(as_list(texts, "calibration"), "calibration")


def _read_file(path: str | Path) -> list[str]:
    """The first texts of a file of any format and any length."""
    texts: list[str] = []
    try:
        for batch in tables.read_batches(path, rows=FIRST):
            texts += batch.texts
            if len(texts) >= FIRST:
                break
    except AlbertKitError as error:
        cause = error.diagnostic
        if cause.code not in REMEDIES:
            raise
        why, fix = REMEDIES[cause.code]
        raise type(error)(cause.code, cause.what, why=why, fix=fix, where=cause.where) from error
    return texts
