"""Arrays as numpy writes them, .npy: every way in which such a file can be damaged is one error."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from albertkit.errors import FormatError

# numpy's errors for a damaged .npy: it parses a broken header a second time as one of Python 2;
# names that it cannot sort are a TypeError (2.4); of a size that no memory has it makes two more
NPY_ERRORS = (
    ValueError,
    TypeError,
    EOFError,
    SyntaxError,
    TokenError,
    MemoryError,
    OverflowError,
)
NO_ARRAY = "the file is not an array as numpy writes it"


def read_npy(file: Path | BinaryIO, where: str, *, fix: str = "Write it again") -> npt.NDArray[Any]:
    """Read an array.

    Args:
        file: A path, whose numbers are mapped into memory, or a file that is open for reading.
        where: The file's name, for the message.
        fix: What to do if it cannot be read.

    Returns:
        The array; never one of Python objects.

    Raises:
        FormatError: [file-malformed].
        OSError: The file cannot be opened.
    """
    mode: Literal["r"] | None = "r" if isinstance(file, Path) else None
    try:
        array = np.load(file, mmap_mode=mode, allow_pickle=False)
    except NPY_ERRORS as error:
        is_empty = isinstance(error, EOFError)
        raise _malformed_error(where, fix, "the file is empty" if is_empty else NO_ARRAY) from error
    if not isinstance(array, np.ndarray):  # an archive of arrays, .npz
        raise _malformed_error(where, fix, NO_ARRAY)
    return array


def _malformed_error(where: str, fix: str, why: str) -> FormatError:
    return FormatError(
        "file-malformed",
        "the array cannot be read",
        why=why,
        fix=fix,
        where=where,
    )
