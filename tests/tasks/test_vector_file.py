"""A file of vectors has its own ranges in the same directory, or does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.support.full_disk import limit_file_size
from tests.support.killed import run_script

from albertkit.errors import InputError, ResourceError
from albertkit.tasks.vector_file import write_vectors
from albertkit.tasks.vector_types import VectorCast


@pytest.mark.parametrize("kinds", ["int8 int8", "int8 float32", "float32 uint8"])
def test_a_killed_write_never_leaves_vectors_with_other_ranges(kinds: str, tmp_path: Path) -> None:
    script = Path(__file__).with_name("vectors_killed.py")
    done = run_script(script, tmp_path, *kinds.split())
    assert done.returncode == 0, done.stderr
    kills, gone = map(int, done.stdout.split())
    assert kills > 20
    assert 0 < gone < 20, "the old file is there until the new one is whole"


@pytest.mark.parametrize("most", [100, 300])
def test_what_a_full_disk_refuses_leaves_the_earlier_pair(most: int, tmp_path: Path) -> None:
    """At the vectors, and at their ranges: those of 40 numbers are longer than one vector."""
    directory = tmp_path / "v.npy"
    nothing = np.zeros((0, 40), np.int8)
    write_vectors(directory, [random(2, 0)], VectorCast("int8"), nothing)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with limit_file_size(most), pytest.raises(ResourceError, match=r"\[write-failed\]"):
        write_vectors(directory, [random(2, 1)], VectorCast("int8"), nothing)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_directory_instead_of_the_ranges_is_refused_before_any_compute(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "v.npy"
    directory.write_bytes(b"earlier")
    (tmp_path / "v.npy.ranges.npy").mkdir()
    asked: list[int] = []

    def windows() -> Iterator[np.ndarray]:
        asked.append(1)
        yield random(2, 0)

    nothing = np.zeros((0, 40), np.int8)
    with pytest.raises(InputError, match=r"v\.npy\.ranges\.npy' is a directory.*\[output-taken\]"):
        write_vectors(directory, windows(), VectorCast("int8"), nothing)
    assert not asked
    assert directory.read_bytes() == b"earlier"
    write_vectors(directory, windows(), VectorCast("float32"), np.zeros((0, 40), np.float32))
    assert (tmp_path / "v.npy.ranges.npy").is_dir(), "these are not ranges of an earlier run"


def random(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, 40)).astype(np.float32)
