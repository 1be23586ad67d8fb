"""A file of vectors written over another, killed before each line of ours that it runs.

Usage: python vectors_killed.py DIRECTORY KIND KIND, of the vectors there and of those that come.
Prints at how many lines there was no file. Ends with 1 if vectors had the ranges of others.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from tests.support.killed import run_until_killed

from albertkit.tasks.options import VectorType
from albertkit.tasks.vector_file import write_vectors
from albertkit.tasks.vector_types import VectorCast, convert_type

OURS = ("tasks/vector_file.py", "tables/writers/files.py", "fileformats/atomic.py")
RANGES = "v.npy.ranges.npy"


def write_numbered(directory: Path, kind: VectorType, factor: float) -> None:
    vectors = factor * np.arange(600, dtype=np.float32).reshape(150, 4)
    cast = VectorCast(kind)
    write_vectors(
        directory / "v.npy", [vectors], cast, convert_type(vectors[:0], kind, vectors[:2])
    )


def contents(directory: Path) -> dict[str, bytes]:
    """Every file that is not hidden."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name[0] != "."}


def main() -> None:
    """Kill at each line, until there are no more."""
    top, before, after = Path(sys.argv[1]), *(cast(VectorType, kind) for kind in sys.argv[2:])
    wholes = []
    for name, kind, factor in (("before", before, 1.0), ("after", after, -1.0)):
        (top / name).mkdir()
        write_numbered(top / name, kind, factor)
        wholes.append(contents(top / name))
    line = gone = 0
    while True:
        directory = top / str(line)
        directory.mkdir()
        write_numbered(directory, before, 1.0)
        if not run_until_killed(line, partial(write_numbered, directory, after, -1.0), OURS):
            break
        there = contents(directory)
        if "v.npy" not in there:
            gone += 1
        elif there not in wholes:
            raise SystemExit(f"killed at line {line}, there is {there.keys()}")
        line += 1
    if contents(directory) != wholes[1]:
        raise SystemExit("an unbroken run leaves something else")
    sys.stdout.write(f"{line} {gone}\n")


if __name__ == "__main__":
    main()
