"""Starts the contestants' processes, and asks them in turn: A B C, A B C.

All are loaded and warm before the first round, so that a slow spell of the machine meets all
alike and ratios within a round mean something. Each answer comes with the share of the machine
that others used meanwhile.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from race.field import Contestant
from race.runner import Vectors

PAUSE = 0.3  # seconds in which the threads of the one before stop waiting for work


@dataclass(frozen=True, slots=True)
class Answer:
    """seconds of the job. others: share of the machine that other processes used meanwhile."""

    seconds: float
    peak_mb: float
    others: float


class Started:
    """A contestant's process. `lost` says why it cannot be asked (any more)."""

    def __init__(
        self,
        contestant: Contestant,
        python: Path,
        directory: Path,
        cards: Path,
        cores: Sequence[int],
    ) -> None:
        self.contestant = contestant
        self.lost: str | None = None
        self.libraries = ""
        self._proof = cards.with_name(f"{contestant.name}.npy")
        self._proof.unlink(missing_ok=True)
        self._log = cards.with_name(f"{contestant.name}.log")
        arguments = [contestant.name, directory, cards, self._proof, ",".join(map(str, cores))]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [python, "-m", "race.contestant", *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=Path(__file__).parents[1],
                env={**os.environ, "OMP_NUM_THREADS": str(len(cores))},
            )

    def wait(self) -> None:
        """Until it is loaded and warm, or lost."""
        answer = self._answer()
        self.libraries = answer["libraries"] if answer else ""

    def vectors(self) -> Vectors | None:
        return np.load(self._proof) if self._proof.exists() else None

    def run(self, job: str) -> Answer | None:
        """Its answer; None: it is lost."""
        if self.lost or self._process.stdin is None:
            return None
        time.sleep(PAUSE)
        before = busy_seconds()
        begun = time.perf_counter()
        with suppress(BrokenPipeError):  # it ended: that there is no answer says so
            self._process.stdin.write(f"{job}\n")
            self._process.stdin.flush()
        values = self._answer()
        if values is None:
            return None
        spent = (time.perf_counter() - begun) * (os.cpu_count() or 1)
        others = max(0.0, busy_seconds() - before - values["processor"]) / spent
        return Answer(values["seconds"], values["peak_mb"], min(1.0, others))

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()

    def _answer(self) -> dict[str, Any] | None:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        status = self._process.wait()  # its answers end before its last words are written
        message = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        self.lost = message[-1][:300] if message else f"ended with status {status}"
        return None


@contextmanager
def start_contestants(
    field: Sequence[Contestant],
    pythons: dict[str, Path],
    directory: Path,
    cards: Path,
    cores: Sequence[int],
) -> Iterator[list[Started]]:
    """The processes of all, ready or lost; ended on leaving."""
    running = [
        Started(each, pythons[each.environment], directory, cards, cores) for each in field
    ]  # all load at once
    try:
        for each in running:
            each.wait()
        yield running
    finally:
        for each in running:
            each.close()


def busy_seconds() -> float:
    """Processor seconds that all processes of the machine used since it started."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    ticks = sum(fields[:3]) + sum(fields[5:8])  # without idle and waiting for disks
    return ticks / float(os.sysconf("SC_CLK_TCK"))
