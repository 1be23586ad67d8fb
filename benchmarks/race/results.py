"""What a race found, as JSON: part by part, so that it can be run in pieces and taken up again.

A part is a shape and a number of threads; in it are the contestants, and each job's rounds. A
round is what every contestant took, in seconds, in its turn: ratios are made within it.
One file holds the figures of one machine.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from race.machine import this_machine

OF_PAGES = Path(__file__).resolve().parents[1] / "results.json"  # what the pages show
DIRTY = "-dirty"
Round = dict[str, float]  # contestant's name → seconds


@dataclass(slots=True)
class Ran:
    """One job of one part.

    peaks: of each contestant's memory, in race.memory's MB, from its start to the job's end.
    others: the largest share of the machine that other processes used.
    """

    description: str
    calls: int
    texts: int
    tokens: int
    rounds: list[Round] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)
    others: float = 0.0
    commit: str = ""
    day: str = ""

    def middle(self, name: str) -> float | None:
        """Seconds, the median over the rounds in which it was asked; None: there are none."""
        values = [each[name] for each in self.rounds if name in each]
        return statistics.median(values) if values else None

    def ratio(self, name: str, to: str) -> Ratio | None:
        """How often faster `name` is than `to`, within each round that both ran."""
        both = [each for each in self.rounds if name in each and to in each]
        return Ratio.of([each[to] / each[name] for each in both]) if both else None


@dataclass(frozen=True, slots=True)
class Ratio:
    middle: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: list[float]) -> Ratio:
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(slots=True)
class Runner:
    """A contestant of a part. difference, cosine: of its vectors to the reference's, the worst."""

    libraries: str = ""
    absent: str = ""
    difference: float | None = None
    cosine: float | None = None
    reference: str = ""


@dataclass(slots=True)
class Part:
    shape: str
    threads: int
    model: str = ""
    texts: str = ""
    runners: dict[str, Runner] = field(default_factory=dict)
    jobs: dict[str, Ran] = field(default_factory=dict)

    def peak(self, name: str) -> float:
        """MB of the contestant's process, over all jobs."""
        return max((ran.peaks.get(name, 0.0) for ran in self.jobs.values()), default=0.0)


@dataclass(slots=True)
class Profile:
    """Where the time of a call goes. shares: of each kind of work, together 1."""

    description: str
    shares: dict[str, float]
    commit: str = ""
    day: str = ""


@dataclass(slots=True)
class Results:
    """What one machine gave.

    parts: by "shape/threads". processes: whole processes' seconds, by what they run. profiles: by
    "shape, precision". tried: by shape; a round is what each way took, the current graph among
    them.
    """

    machine: dict[str, str]
    parts: dict[str, Part] = field(default_factory=dict)
    processes: Ran | None = None
    profiles: dict[str, Profile] = field(default_factory=dict)
    tried: dict[str, list[Ran]] = field(default_factory=dict)

    def part(self, shape: str, threads: int) -> Part:
        return self.parts.setdefault(f"{shape}/{threads}", Part(shape, threads))

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        text = json.dumps(_round_floats(asdict(self)), indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)


def read_results(path: Path) -> Results:
    values = json.loads(path.read_text(encoding="utf-8"))
    parts = {name: _part(part) for name, part in values["parts"].items()}
    processes = Ran(**values["processes"]) if values["processes"] else None
    profiles = {name: Profile(**each) for name, each in values["profiles"].items()}
    tried = {name: [Ran(**each) for each in rans] for name, rans in values["tried"].items()}
    return Results(values["machine"], parts, processes, profiles, tried)


def results_here(path: Path) -> Results:
    """Those of the file, or none yet.

    Raises SystemExit where they are another machine's, and for the figures of our pages where what
    is measured is in no commit.
    """
    here = this_machine()
    measured_commit = commit()
    if path.resolve() == OF_PAGES and measured_commit.endswith(DIRTY):
        raise SystemExit(
            f"{path} holds the pages' figures, and files differ from "
            f"{measured_commit.removesuffix(DIRTY)}; "
            "they could not be measured again. Commit first, or give another file: --results FILE"
        )
    if not path.exists():
        return Results(here)
    values = read_results(path)
    if values.machine["processor"] != here["processor"]:
        raise SystemExit(
            f"{path} holds figures of {values.machine['processor']}, this is {here['processor']}; "
            "one file is of one machine. Give another: --results FILE"
        )
    return replace(values, machine={**values.machine, **here})


def today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def commit(tree: Path = OF_PAGES.parents[1]) -> str:
    """The commit that is measured, marked where what is measured, or how, differs from it."""
    output = _git(tree, "describe", "--always", "--exclude", "*")
    changed = _git(tree, "status", "--porcelain", "--", "src", "benchmarks", ":!benchmarks/*.json")
    return output + (DIRTY if changed else "")


def _git(tree: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=False, cwd=tree
    )
    return done.stdout.strip()


def _part(values: Mapping[str, Any]) -> Part:
    runners = {name: Runner(**each) for name, each in values["runners"].items()}
    jobs = {name: Ran(**each) for name, each in values["jobs"].items()}
    return Part(values["shape"], values["threads"], values["model"], values["texts"], runners, jobs)


def _round_floats(value: Any) -> Any:
    """Four digits of every float."""
    match value:
        case float():
            return float(f"{value:.4g}")
        case dict():
            return {key: _round_floats(each) for key, each in value.items()}
        case list():
            return [_round_floats(each) for each in value]
    return value
