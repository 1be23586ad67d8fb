"""Results → Markdown: where the time goes, and what was tried and lost."""

from __future__ import annotations

from typing import Final

from race.cells import NOT_YET, markdown, plural, times
from race.results import Ran, Ratio, Results

CURRENT: Final = "current graph"  # the way that the others are held against


def profiles(results: Results) -> str:
    """Shares of a call's time by kind of work, a column a shape and precision."""
    values = results.profiles
    if not values:
        return NOT_YET
    kinds = dict.fromkeys(kind for each in values.values() for kind in each.shares)
    rows = [
        [kind, *(f"{each.shares.get(kind, 0):.0%}" for each in values.values())] for kind in kinds
    ]
    measured = dict.fromkeys(f"{each.description}, {each.day[:10]}" for each in values.values())
    return f"{markdown(['', *values], rows)}\n\n{'; '.join(measured)}."


def table_of_variants(results: Results) -> str:
    """How many times as fast as the current graph each variant is, a column a shape."""
    values = results.tried
    if not values:
        return NOT_YET
    ways = dict.fromkeys(
        way for rans in values.values() for ran in rans for each in ran.rounds for way in each
    )
    rows = [
        [way, *(times(_against_current(rans, way)) for rans in values.values())]
        for way in ways
        if way != CURRENT
    ]
    output = [
        f"{shape}: {', '.join(map(_describe, rans))}, at {rans[0].commit}"
        for shape, rans in values.items()
    ]
    return f"{markdown(['float32', *values], rows)}\n\n{'; '.join(output)}."


def _against_current(rans: list[Ran], way: str) -> Ratio | None:
    values = (ran.ratio(way, CURRENT) for ran in rans)
    return next((each for each in values if each), None)


def _describe(ran: Ran) -> str:
    return f"{ran.description} ({plural(len(ran.rounds), 'round')})"
