"""Results → Markdown: where the time goes, and what was tried and lost."""

from __future__ import annotations

from typing import Final

from race.cells import NOT_YET, markdown, plural, share, times
from race.results import Ran, Ratio, Results

STANDS: Final = "as it stands"  # the way that the others are held against


def profiles(results: Results) -> str:
    """Shares of a call's time by kind of work, a column a shape."""
    found = results.profiles
    if not found:
        return NOT_YET
    kinds = list(dict.fromkeys(kind for each in found.values() for kind in each.seconds))
    rows = []
    for kind in kinds:
        parts = [each.seconds.get(kind, 0) / sum(each.seconds.values()) for each in found.values()]
        rows.append([kind, *(f"{part:.1%}" for part in parts)])
    ceiling = [share(Ratio.of(each.shares)) for each in found.values()]
    rows.append(["the products alone over the whole call", *ceiling])
    told = "; ".join(f"{shape}: {each.told}, at {each.commit}" for shape, each in found.items())
    return f"{markdown(['float32', *found], rows)}\n\n{told}."


def tried(results: Results) -> str:
    """How many times as fast as what stands each way is, a column a shape."""
    found = results.tried
    if not found:
        return NOT_YET
    ways = dict.fromkeys(
        way for rans in found.values() for ran in rans for each in ran.rounds for way in each
    )
    rows = [
        [way, *(times(_beside_what_stands(rans, way)) for rans in found.values())]
        for way in ways
        if way != STANDS
    ]
    told = [
        f"{shape}: {', '.join(map(_told, rans))}, at {rans[0].commit}"
        for shape, rans in found.items()
    ]
    return f"{markdown(['float32', *found], rows)}\n\n{'; '.join(told)}."


def _beside_what_stands(rans: list[Ran], way: str) -> Ratio | None:
    found = (ran.ratio(way, STANDS) for ran in rans)
    return next((each for each in found if each), None)


def _told(ran: Ran) -> str:
    return f"{ran.told} ({plural(len(ran.rounds), 'round')})"
