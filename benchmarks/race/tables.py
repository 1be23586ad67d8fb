"""Results → Markdown: what the README and docs/performance.md show of the race.

Every table says how long its lists are, and ratios with the range over the rounds.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from race.cells import NOT_YET, ONCE, PEAK, markdown, plural, share, times, with_range
from race.field import ABSENT, FIELD, REFERENCE, Contestant
from race.names import LISTS, SINGLES
from race.results import Part, Ran, Ratio, Results, Runner

SAID: Final = {
    "long": "thousands, sorted",
    "list": "one short list",
    "requests": "requests",
    "sentences": "sentences only",
}
# cosines below which vectors count as different, by the requested precision
ALIKE: Final = {"float32": 0.9999, "bfloat16": 0.999, "int8": 0.99}
RACED: Final = [each for each in FIELD if each.side != "ceiling"]


def ours_in(precision: str) -> str:
    """The name of our contestant in a precision."""
    return f"ours-{precision}"


def peers_in(precision: str) -> list[Contestant]:
    return [each for each in RACED if each.side == "peer" and each.precision == precision]


def machine(results: Results) -> str:
    """What was measured on, and when."""
    values = results.machine
    ran = [ran for part in results.parts.values() for ran in part.jobs.values()]
    if not ran:
        return NOT_YET
    days, commits = sorted({each.day for each in ran}), sorted({each.commit for each in ran})
    spell = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    note = f" ({values['note']})" if "note" in values else ""
    return (
        f"{values['processor']}, {values['processors']} processors{note}, "
        f"{values['instructions']}, "
        f"{values['memory']}; {values['system']}. Raced {spell}, at "
        f"{', '.join(commits)}. Other processes used at most "
        f"{max(each.others for each in ran):.0%} of the machine in a job's rounds."
    )


def libraries(results: Results) -> str:
    """Versions of all that ran."""
    output = {
        version
        for part in results.parts.values()
        for runner in part.runners.values()
        for version in runner.libraries.split(", ")
        if version
    }
    return f"Versions: {', '.join(sorted(output))}." if output else NOT_YET


def lists(part: Part) -> str:
    """Tokens a second on lists of texts, and the ratio to the reference."""
    jobs = [job for job in LISTS if job in part.jobs]
    if not jobs:
        return NOT_YET

    def cells(each: Contestant, runner: Runner) -> list[str]:
        speeds = [speed(part.jobs[job], each.name) for job in jobs]
        peak = part.peak(each.name) if each.side != "ceiling" else 0
        memory = f"{peak:,.0f}" if peak else ""
        return [*speeds, memory, alike(each, runner)]

    heads = [*(SAID[job] for job in jobs), PEAK, "vectors"]
    notes = [*absent(part, RACED), *list_lost(part, RACED)]
    return "\n\n".join([table(part, heads, cells, FIELD), lengths(part), *notes])


def singles(part: Part) -> str:
    """Milliseconds of a call with one text."""
    jobs = [job for job in SINGLES if job in part.jobs]
    if not jobs:
        return NOT_YET

    def cells(each: Contestant, _: Runner) -> list[str]:
        return [milliseconds(part.jobs[job], each.name) for job in jobs]

    rounds = {job: len(part.jobs[job].rounds) for job in jobs}
    heads = [f"{SINGLES[job]} tokens ({rounds[job]} rounds)" for job in jobs]
    return "\n\n".join([table(part, heads, cells, RACED), *list_lost(part, RACED)])


def against(part: Part) -> str:
    """Ours against each peer in the same precision, and its share of the ceiling: tables."""
    shown = [
        markdown(*compare_with_peers(part, precision))
        for precision in ALIKE
        if any(fastest_peer(ran, precision) for ran in part.jobs.values())
    ]
    return "\n\n".join(shown) or NOT_YET


def compare_with_peers(part: Part, precision: str) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: a peer each, the fastest of them, and shares of the ceiling."""
    jobs = [job for job in (*LISTS, *SINGLES) if job in part.jobs]
    ours, rows = ours_in(precision), []
    for each in peers_in(precision):
        ratios = [times(part.jobs[job].ratio(ours, each.name)) for job in jobs]
        if any(ratios):
            rows.append([each.shown, *ratios, f"{part.peak(each.name):,.0f}"])
    fastest = (fastest_peer(part.jobs[job], precision) for job in jobs)
    rows.append(["the fastest of these", *(times(each[1]) if each else "" for each in fastest), ""])
    for each in FIELD:
        if each.side == "ceiling" and each.precision == precision:
            shares = [share(part.jobs[job].ratio(ours, each.name)) for job in jobs]
            if any(shares):
                rows.append([f"share of {each.shown}", *shares, ""])
    heads = [SAID.get(job) or f"one text of {SINGLES[job]}" for job in jobs]
    own = f"{PEAK} (albertkit: {part.peak(ours):,.0f})"
    return [f"albertkit {precision}, {size(part)}, against", *heads, own], rows


def fastest_peer(ran: Ran, precision: str) -> tuple[Contestant, Ratio] | None:
    """The peer that ours is least ahead of in a precision, and how many times as fast ours is."""
    ours = ours_in(precision)
    values = [(each, ran.ratio(ours, each.name)) for each in peers_in(precision)]
    ratios = [(each, ratio) for each, ratio in values if ratio]
    return min(ratios, key=lambda both: both[1].middle, default=None)


def summary(results: Results, shape: str = "base", threads: int = 2) -> str:
    """The small table of the README and of docs/performance.md: a row a peer, lists alone."""
    part = results.parts.get(f"{shape}/{threads}")
    if part is None or not part.jobs:
        return NOT_YET
    jobs = [job for job in LISTS if job in part.jobs]
    ours, rows = ours_in("float32"), []
    for each in peers_in("float32"):
        ratios = [part.jobs[job].ratio(ours, each.name) for job in jobs]
        shown = [f"x{ratio.middle:.1f}" if ratio else "" for ratio in ratios]
        if any(shown):
            rows.append([each.shown, *shown, f"{part.peak(each.name):,.0f} MB"])
    rows.append(["albertkit", *["x1"] * len(jobs), f"{part.peak(ours):,.0f} MB"])
    heads = ["albertkit is faster than", *(SAID[job] for job in jobs), "memory of the process"]
    return markdown(heads, rows)


def absent(part: Part, field: Iterable[Contestant]) -> list[str]:
    """A sentence on those that this processor does not run, where there are such."""
    names = [
        plain_name(each) for each in field if part.runners.get(each.name, Runner()).absent == ABSENT
    ]
    return [f"Not measured, for the processor lacks it: {', '.join(names)}."] if names else []


def list_lost(part: Part, field: Iterable[Contestant]) -> list[str]:
    """A sentence for each error with which contestants ended, with its first clause."""
    names: dict[str, list[str]] = {}
    for each in field:
        message = part.runners.get(each.name, Runner()).absent
        if message and message != ABSENT:
            why = re.sub(r"^ended: (\w+\.)*\w*Error: ", "", message).partition("; ")[0]
            names.setdefault(why, []).append(plain_name(each))
    return [f"Not measured: {', '.join(who)} ({why})." for why, who in names.items()]


def plain_name(each: Contestant) -> str:
    """The name of a contestant in a sentence."""
    return each.shown.replace("**", "").removesuffix(", sorted and padded")


def lengths(part: Part) -> str:
    """How long each job's lists are."""
    output = [f"{SAID[job]}: {length(part.jobs[job])}" for job in LISTS if job in part.jobs]
    return "; ".join(output).capitalize() + "."


def length(ran: Ran) -> str:
    values = [plural(ran.texts, "text"), plural(ran.tokens, "token"), ran.description]
    return f"{', '.join(values)} ({plural(len(ran.rounds), 'round')})"


def size(part: Part) -> str:
    return f"{part.shape}, {plural(part.threads, 'thread')}"


def table(
    part: Part,
    heads: Sequence[str],
    cells: Callable[[Contestant, Runner], list[str]],
    field: Iterable[Contestant],
) -> str:
    """A row a contestant; `absent` and `list_lost` name those that have none."""
    rows = []
    for each in field:
        runner = part.runners.get(each.name)
        if runner is not None and not runner.absent and any(shown := cells(each, runner)):
            rows.append([each.shown, *shown])
    return markdown([size(part), *heads], rows)


def speed(ran: Ran, name: str) -> str:
    middle, ratio = ran.middle(name), ran.ratio(name, REFERENCE)
    if middle is None:
        return ""
    note = "" if ratio is None or name == REFERENCE else f" · {times(ratio)}"
    if not note and sum(name in each for each in ran.rounds) == 1:
        note = ONCE
    return f"{ran.tokens / middle:,.0f} tok/s{note}"


def milliseconds(ran: Ran, name: str) -> str:
    """Of a call, with the range over the rounds."""
    values = [1000 * each[name] / ran.calls for each in ran.rounds if name in each]
    if not values:
        return ""
    low, high = f"{min(values):,.2f}", f"{max(values):,.2f}"
    return f"{statistics.median(values):,.2f}{with_range(low, high, len(values))}"


def alike(each: Contestant, runner: Runner) -> str:
    """How near the vectors are to the reference's."""
    if runner.cosine is None or runner.difference is None:
        return ""
    if each.name == runner.reference:
        return "the others' are held against these"
    differs = "**differ**: " if runner.cosine < ALIKE[each.precision] else ""
    return f"{differs}to {runner.difference:.0e}, cosine ≥ {runner.cosine:.5f}"
