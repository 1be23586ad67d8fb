"""One contestant's process: it loads, then answers job for job what it is asked.

    python -m race.contestant NAME PLACE JOBS.json OUT.npy 0,1

In: lines on standard input, each the name of a job. Out: a line of JSON for each, after a first
one when it is loaded and warm; OUT.npy then holds its vectors of the proof texts. What libraries
print goes to standard error. The last argument: the processors that it may run on.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module, metadata
from pathlib import Path

import numpy as np

from race.field import BY_NAME
from race.memory import peak_megabytes
from race.names import SINGLES
from race.runner import Runner


def main() -> None:
    name, directory, cards, out, processors = sys.argv[1:]
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)
        allowed = {int(number) for number in processors.split(",")}
        os.sched_setaffinity(0, allowed)
        asked = json.loads(Path(cards).read_text(encoding="utf-8"))
        runner = make(name, Path(directory), len(allowed))
        vectors = runner.proof(asked["proof"])  # the first list: it warms up what lists need
        for single in SINGLES:  # some libraries compile a call of one text separately
            if single in asked["jobs"] and single in BY_NAME[name].jobs:
                job = asked["jobs"][single]
                runner.seconds(job["calls"][:1], job["tokens"])
        if vectors is not None:
            np.save(out, vectors)
        print(json.dumps({"libraries": versions(BY_NAME[name].libraries)}), file=answers)
        for line in sys.stdin:
            job = asked["jobs"][line.strip()]
            own = time.process_time()
            seconds = runner.seconds(job["calls"], job["tokens"])
            answer = {
                "seconds": seconds,
                "processor": time.process_time() - own,
                "peak_mb": peak_megabytes(),
            }
            print(json.dumps(answer), file=answers)


def make(name: str, directory: Path, threads: int) -> Runner:
    contestant = BY_NAME[name]
    module, _, kind = contestant.made_by.partition(":")
    runner: Runner = getattr(import_module(module), kind)(directory, threads, **contestant.options)
    return runner


def versions(libraries: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {metadata.version(name)}" for name in libraries)


if __name__ == "__main__":
    main()
