"""A job of two shards, killed with SIGKILL before each line of ours that it runs, then resumed.

Usage: python killed_anywhere.py DIRECTORY. Prints how many kills there were.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from tests.support.killed import run_until_killed

from albertkit.tables import InvalidRow, ShardedSink, Table

OURS = (
    "tables/writers/sharded_sink.py",
    "tables/writers/job_directory.py",
    "tables/writers/shards.py",
    "tables/writers/invalid_rows.py",
    "tables/writers/files.py",
    "fileformats/atomic.py",
)


def job(path: Path) -> None:
    """What is not there yet of a job."""
    with ShardedSink(
        path,
        job={"texts": 4},
        shard_format="jsonl",
        shard_rows=2,
        types={"n": "int64"},
        resume=True,
    ) as sink:
        for number in {0, 1} - sink.complete_shards:
            with sink.shards.writing(number) as shard:
                shard.write(Table({"text": [f"text {number}"], "n": [number]}))
                shard.invalid.add([InvalidRow("a.txt", 2 * number, "row-malformed", "is bad")])


def contents(path: Path) -> dict[str, bytes]:
    """Every file."""
    return {entry.name: entry.read_bytes() for entry in path.iterdir()}


def main() -> None:
    """Kill at each line, until there are no more."""
    top = Path(sys.argv[1])
    job(top / "whole")
    whole = contents(top / "whole")
    line = 0
    while run_until_killed(line, partial(job, path := top / str(line)), OURS):
        there = contents(path) if path.is_dir() else {}
        shown = {name: data for name, data in there.items() if not name.startswith(".")}
        if not shown.items() <= whole.items():
            raise SystemExit(f"killed at line {line}, there is {shown}")
        job(path)
        if contents(path) != whole:
            raise SystemExit(f"killed at line {line} and taken up, there is {contents(path)}")
        line += 1
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
