"""How figures are written in tables: ratios, shares, ranges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from race.results import Ratio

NOT_YET: Final = "*Not measured yet.*"


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; all columns but the first are of numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def times(ratio: Ratio | None) -> str:
    """How many times as fast, with the range; without one it is of one round."""
    return _with_range(ratio, "x", ".2f")


def share(ratio: Ratio | None) -> str:
    """As `times`, of what can at most be 1."""
    return _with_range(ratio, "", ".0%")


def _with_range(ratio: Ratio | None, sign: str, form: str) -> str:
    if ratio is None:
        return ""
    middle = f"{sign}{ratio.middle:{form}}"
    if ratio.low == ratio.high:
        return middle
    return f"{middle} ({ratio.low:{form}}–{ratio.high:{form}})"


def spread(found: Sequence[float]) -> str:
    return f"{min(found):.3f}–{max(found):.3f}"


def plural(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"
