"""What a damaged table of Parquet's or Arrow's makes pyarrow say, told as ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from albertkit.errors import FormatError
from albertkit.tables.row_errors import Fault

MOST_ROWS = 2**40  # in one group: no honest writer comes near
MOST_BYTES = 2**40  # in one buffer: the same
ASKED_FOR = re.compile(r"size (\d+) failed")  # how pyarrow ends what it says of memory
# pyarrow's are subclasses of these
READING_ERRORS = (OSError, ValueError, LookupError, NotImplementedError, TypeError)


@contextmanager
def told_as_damaged(name: str) -> Iterator[None]:
    """Turn what pyarrow says of damaged tables into FormatError [file-malformed]."""
    try:
        with sizes_weighed():
            yield
    except READING_ERRORS as error:
        if getattr(error, "errno", None) is not None:  # the system's
            raise
        raise FormatError(
            "file-malformed",
            f"its table cannot be read: {_first_line(error)}",
            why="it is damaged, or of a kind that pyarrow does not know",
            fix="Write or copy it again",
            where=name,
        ) from error


@contextmanager
def sizes_weighed() -> Iterator[None]:
    """Memory for what no honest writer writes is not short: raise ValueError for such a size."""
    try:
        yield
    except MemoryError as error:
        asked = ASKED_FOR.search(str(error))
        if asked is None or int(asked[1]) <= MOST_BYTES:
            raise
        raise ValueError(f"it says that {int(asked[1]):,} bytes stand together") from error


def summed(lengths: Sequence[int]) -> int:
    """Rows in all; raises ValueError for numbers that no table has."""
    if any(not 0 <= length <= MOST_ROWS for length in lengths):
        raise ValueError(f"it says that {max(lengths, key=abs):,} rows stand together")
    return sum(lengths)


def lost(rows: int, error: Exception) -> Fault:
    """The fault of so many rows that cannot be read."""
    others = f" and the {rows - 1:,} behind it" if rows > 1 else ""
    return Fault("file-malformed", f"{others} cannot be read: {_first_line(error)}".lstrip(), rows)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
