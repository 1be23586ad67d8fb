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
    if ratio is None:
        return ""
    if ratio.low == ratio.high:
        return f"x{ratio.middle:.2f}"
    return f"x{ratio.middle:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"


def share(ratio: Ratio | None) -> str:
    """As `times`, of what can at most be 1."""
    if ratio is None:
        return ""
    if ratio.low == ratio.high:
        return f"{ratio.middle:.0%}"
    return f"{ratio.middle:.0%} ({ratio.low:.0%}–{ratio.high:.0%})"


def spread(found: Sequence[float]) -> str:
    return f"{min(found):.3f}–{max(found):.3f}"


def plural(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"
