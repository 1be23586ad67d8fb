"""What a race found, as JSON: part by part, so that it can be run in pieces and taken up again.

A part is a shape and a number of threads; in it are the contestants, and each job's rounds. A
round is what every contestant took, in seconds, in its turn: ratios are made within it.
One file holds the figures of one machine.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Round = dict[str, float]  # contestant's name → seconds


@dataclass(slots=True)
class Ran:
    """One job of one part.

    peaks: of each contestant's memory, in MB, from its start to the job's end. others: the largest
    share of the machine that other processes used.
    """

    told: str
    calls: int
    texts: int
    tokens: int
    rounds: list[Round] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)
    others: float = 0.0
    commit: str = ""
    day: str = ""

    def middle(self, name: str) -> float | None:
        """Seconds, the median; None: it did not run in every round."""
        found = [each[name] for each in self.rounds if name in each]
        return statistics.median(found) if found and len(found) == len(self.rounds) else None

    def ratio(self, name: str, to: str) -> Ratio | None:
        """How often faster `name` is than `to`, within the rounds."""
        if self.middle(name) is None or self.middle(to) is None:
            return None
        return Ratio.of([each[to] / each[name] for each in self.rounds])


@dataclass(frozen=True, slots=True)
class Ratio:
    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, found: list[float]) -> Ratio:
        return cls(statistics.median(found), min(found), max(found))


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
class Results:
    """All parts, by "shape/threads"; processes: whole processes' seconds, by what they run."""

    machine: dict[str, str]
    parts: dict[str, Part] = field(default_factory=dict)
    processes: Ran | None = None

    def part(self, shape: str, threads: int) -> Part:
        return self.parts.setdefault(f"{shape}/{threads}", Part(shape, threads))

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        text = json.dumps(_rounded(asdict(self)), indent=1, ensure_ascii=False)
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(path)


def read_results(path: Path) -> Results:
    found = json.loads(path.read_text(encoding="utf-8"))
    parts = {name: _part(part) for name, part in found["parts"].items()}
    processes = Ran(**found["processes"]) if found["processes"] else None
    return Results(found["machine"], parts, processes)


def results_here(path: Path) -> Results:
    """Those of the file, or none yet. Raises SystemExit where they are another machine's."""
    here = this_machine()
    if not path.exists():
        return Results(here)
    found = read_results(path)
    if found.machine["processor"] != here["processor"]:
        raise SystemExit(
            f"{path} holds figures of {found.machine['processor']}, this is {here['processor']}; "
            "one file is of one machine. Give another: --results FILE"
        )
    return Results({**found.machine, **here}, found.parts, found.processes)


def this_machine() -> dict[str, str]:
    """What bounds the figures of this machine."""
    cpu = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        cpu.setdefault(key.strip(), value.strip())
    flags = cpu["flags"].split()
    wide = [name for name in ("amx_bf16", "avx512_bf16", "avx512_vnni", "avx512f") if name in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{cpu['model name']}, family {cpu['cpu family']}, model {cpu['model']}",
        "processors": str(len(os.sched_getaffinity(0))),
        "instructions": ", ".join(wide) or ("avx2" if "avx2" in flags else "no avx2"),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def commit() -> str:
    """The commit that is measured, marked where files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return told.stdout.strip()


def _part(found: Mapping[str, Any]) -> Part:
    runners = {name: Runner(**each) for name, each in found["runners"].items()}
    jobs = {name: Ran(**each) for name, each in found["jobs"].items()}
    return Part(found["shape"], found["threads"], found["model"], found["texts"], runners, jobs)


def _rounded(value: Any) -> Any:
    """Four digits of every float."""
    match value:
        case float():
            return float(f"{value:.4g}")
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case list():
            return [_rounded(each) for each in value]
    return value
