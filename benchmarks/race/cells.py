"""How figures are written in tables: ratios, shares, ranges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from race.results import Ratio

NOT_YET: Final = "*Not measured yet.*"
PEAK: Final = "peak memory, MB"  # of race.memory
ONCE: Final = "†"  # marks a figure of one round, which has no range


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; all columns but the first are of numbers. Below it the note on ONCE, if it is in."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\n{ONCE} of one round, which has no range." if ONCE in table else table


def times(ratio: Ratio | None) -> str:
    """How many times as fast, with the range over the rounds, or the mark of one round."""
    return _with_range(ratio, "x", ".2f")


def share(ratio: Ratio | None) -> str:
    """As `times`, of what can at most be 1."""
    return _with_range(ratio, "", ".0%")


def _with_range(ratio: Ratio | None, sign: str, form: str) -> str:
    if ratio is None:
        return ""
    low, high = (f"{end:{form}}" for end in (ratio.low, ratio.high))
    return f"{sign}{ratio.middle:{form}}{with_range(low, high, ratio.rounds)}"


def with_range(low: str, high: str, rounds: int) -> str:
    """The text after a figure: its range over the rounds, or the mark of one round."""
    return ONCE if rounds == 1 else f" ({low}–{high})"


def spread(values: Sequence[float]) -> str:
    return f"{min(values):.3f}–{max(values):.3f}"


def plural(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"
