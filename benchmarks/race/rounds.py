"""The rounds of a part, and what the contestants' vectors are to one another."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from race.field import REFERENCE
from race.jobs import Job
from race.referee import Started
from race.results import Part, Ran, Runner, commit, today


def not_begun(job: Job) -> Ran:
    return Ran(job.description, len(job.calls), sum(map(len, job.calls)), job.tokens)


def one_round(
    part: Part, name: str, ran: Ran, running: Sequence[Started], once: Collection[str] = ()
) -> None:
    """Ask every contestant that enters the job, and keep what they took.

    once: names of those that one figure a job is enough for.
    """
    values: dict[str, float] = {}
    for each in running:
        who = each.contestant.name
        has_one = ran.middle(who) is not None
        if name not in each.contestant.jobs or (who in once and has_one):
            continue
        answer = each.run(name)
        if answer is None:
            part.runners[who].absent = f"ended: {each.lost}"
            continue
        values[who] = answer.seconds
        ran.others = max(ran.others, answer.others)
        ran.peaks[who] = max(ran.peaks.get(who, 0.0), answer.peak_mb)
    ran.rounds.append(values)
    ran.commit, ran.day = commit(), today()
    part.jobs[name] = ran


def compare(part: Part, running: Sequence[Started]) -> None:
    """Each contestant's vectors with the reference's: of sentence-transformers, if it runs."""
    vectors = {each.contestant.name: each.vectors() for each in running}
    names = [REFERENCE, *(each.contestant.name for each in running)]
    reference = next((name for name in names if vectors.get(name) is not None), "")
    for each in running:
        name, own = each.contestant.name, vectors[each.contestant.name]
        runner = Runner(each.libraries, each.lost or "", reference=reference)
        to = vectors.get(reference)
        if own is not None and to is not None:
            lengths = np.linalg.norm(own, axis=1) * np.linalg.norm(to, axis=1)
            runner.difference = float(np.abs(own - to).max())
            runner.cosine = float(((own * to).sum(1) / lengths).min())
        part.runners[name] = runner
