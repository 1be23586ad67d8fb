"""Results → Markdown: what the README and docs/performance.md show.

Every table says how long its lists are, and ratios with the range over the rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from race.field import ABSENT, FIELD, REFERENCE, Contestant
from race.names import LISTS, SINGLES
from race.results import Part, Ran, Ratio, Results, Runner

OURS: Final = "ours-float32"
IMPORT_TORCH: Final = 'python -c "import torch"'  # what whole processes are held against
NOT_YET: Final = "*Not measured yet.*"
SAID: Final = {
    "long": "thousands, sorted",
    "list": "one short list",
    "requests": "requests",
    "sentences": "sentences only",
}
# cosines below which vectors are told to differ, by the precision that was asked for
ALIKE: Final = {"float32": 0.9999, "bfloat16": 0.999, "int8": 0.99}


def machine(results: Results) -> str:
    """What was measured on, and when."""
    found = results.machine
    ran = [ran for part in results.parts.values() for ran in part.jobs.values()]
    if not ran:
        return NOT_YET
    days, commits = sorted({each.day for each in ran}), sorted({each.commit for each in ran})
    spell = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    note = f" ({found['note']})" if "note" in found else ""
    return (
        f"{found['processor']}, {found['processors']} processors{note}, {found['instructions']}, "
        f"{found['memory']}; {found['system']}. Measured {spell}, at "
        f"{', '.join(commits)}. Other processes used at most "
        f"{max(each.others for each in ran):.0%} of the machine meanwhile."
    )


def libraries(results: Results) -> str:
    """Versions of all that ran."""
    told = {
        version
        for part in results.parts.values()
        for runner in part.runners.values()
        for version in runner.libraries.split(", ")
        if version
    }
    return f"Versions: {', '.join(sorted(told))}." if told else NOT_YET


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

    heads = [f"{SAID[job]}: {length(part.jobs[job])}" for job in jobs]
    return table(part, [*heads, "peak MB", "vectors"], cells)


def singles(part: Part) -> str:
    """Milliseconds of a call with one text."""
    jobs = [job for job in SINGLES if job in part.jobs]
    if not jobs:
        return NOT_YET

    def cells(each: Contestant, _: Runner) -> list[str]:
        found = []
        for job in jobs:
            middle = part.jobs[job].middle(each.name)
            calls = part.jobs[job].calls
            found.append("" if middle is None else f"{1000 * middle / calls:,.2f}")
        return found

    heads = [f"{SINGLES[job]} tokens" for job in jobs]
    without_ceiling = [each for each in FIELD if each.side != "ceiling"]
    return table(part, heads, cells, without_ceiling)


def against(part: Part) -> str:
    """Ours in float32 against each peer in float32, and its share of the ceiling."""
    jobs = [job for job in (*LISTS, *SINGLES) if job in part.jobs]
    rows, shares = [], []
    for each in FIELD:
        if each.side == "ours" or each.precision != "float32" or each.name not in part.runners:
            continue
        ratios = [part.jobs[job].ratio(OURS, each.name) for job in jobs]
        if each.side == "peer":
            rows.append([each.shown, *map(times, ratios)])
        else:
            shares.append([f"share of {each.shown}", *map(share, ratios)])
    if not rows:
        return NOT_YET
    best = [times(to_the_best(part.jobs[job])) for job in jobs]
    rows += [["the best of these, in each round", *best], *shares]
    heads = [SAID.get(job) or f"one of {SINGLES[job]}" for job in jobs]
    return markdown([f"albertkit float32, {size(part)}, against", *heads], rows)


def to_the_best(ran: Ran) -> Ratio | None:
    """How often faster ours is than the fastest peer in float32 of each round."""
    peers = [each.name for each in FIELD if each.side == "peer" and each.precision == "float32"]
    raced = [name for name in peers if ran.middle(name) is not None]
    if ran.middle(OURS) is None or not raced:
        return None
    return Ratio.of([min(each[name] for name in raced) / each[OURS] for each in ran.rounds])


def processes(results: Results) -> str:
    """Seconds of whole processes."""
    ran = results.processes
    if ran is None:
        return NOT_YET
    rows = []
    for name in ran.rounds[0]:
        ratio = ran.ratio(name, IMPORT_TORCH)
        found = [each[name] for each in ran.rounds]
        part = f"{1 / ratio.middle:.2f}" if ratio else ""
        rows.append([f"`{name}`", f"{ran.middle(name):.3f}", spread(found), part])
    return markdown(["whole process", "seconds", "range", "of `import torch`"], rows)


def summary(results: Results, shape: str = "base", threads: int = 2) -> str:
    """The README's: one line a peer, one figure a job."""
    part = results.parts.get(f"{shape}/{threads}")
    if part is None or not part.jobs:
        return NOT_YET
    picture = f"![tokens a second, {size(part)}](docs/speed.svg)"
    return "\n\n".join(
        [picture, against(part), lengths(part), f"On {machine(results)}{left_out(part)}"]
    )


def left_out(part: Part) -> str:
    """Which of ours this processor does not run."""
    names = [
        each.precision
        for each in FIELD
        if each.side == "ours" and part.runners.get(each.name, Runner()).absent == ABSENT
    ]
    return f" Not measured, for the processor lacks them: {', '.join(names)}." if names else ""


def lengths(part: Part) -> str:
    """How long each job's lists are, in a sentence."""
    told = [f"{SAID[job]}: {length(part.jobs[job])}" for job in LISTS if job in part.jobs]
    return f"({'; '.join(told)}; each call's time has tokenization and pooling in it.)"


def length(ran: Ran) -> str:
    rounds = f"{len(ran.rounds)} round{'s' if len(ran.rounds) > 1 else ''}"
    return f"{ran.texts:,} texts, {ran.tokens:,} tokens ({ran.told}; {rounds})"


def size(part: Part) -> str:
    return f"{part.shape}, {part.threads} thread{'s' if part.threads > 1 else ''}"


def table(
    part: Part,
    heads: Sequence[str],
    cells: Callable[[Contestant, Runner], list[str]],
    field: Iterable[Contestant] = FIELD,
) -> str:
    """A row a contestant; one that did not run says why."""
    rows = []
    for each in field:
        runner = part.runners.get(each.name)
        if runner is None:
            continue
        if runner.absent:
            rows.append([each.shown, runner.absent, *[""] * (len(heads) - 1)])
        elif any(shown := cells(each, runner)):
            rows.append([each.shown, *shown])
    return markdown([f"{size(part)}", *heads], rows)


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def speed(ran: Ran, name: str) -> str:
    middle, ratio = ran.middle(name), ran.ratio(name, REFERENCE)
    if middle is None:
        return ""
    beside = "" if ratio is None or name == REFERENCE else f" · {times(ratio)}"
    return f"{ran.tokens / middle:,.0f} tok/s{beside}"


def times(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    if ratio.low == ratio.high:  # of one round, as the page says
        return f"x{ratio.middle:.2f}"
    return f"x{ratio.middle:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"


def share(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    if ratio.low == ratio.high:
        return f"{ratio.middle:.0%}"
    return f"{ratio.middle:.0%} ({ratio.low:.0%}–{ratio.high:.0%})"


def spread(found: Sequence[float]) -> str:
    return f"{min(found):.3f}–{max(found):.3f}"


def alike(each: Contestant, runner: Runner) -> str:
    """How near the vectors are to the reference's."""
    if runner.cosine is None or runner.difference is None:
        return ""
    if each.name == runner.reference:
        return "the others' are held against these"
    differs = "**differ**: " if runner.cosine < ALIKE[each.precision] else ""
    return f"{differs}to {runner.difference:.0e}, cosine ≥ {runner.cosine:.5f}"
