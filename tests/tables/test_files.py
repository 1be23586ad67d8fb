"""A file of vectors is opened as it was written, whatever its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albertkit.tables import Table, open_result, write_table

VECTORS = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize("name", [b"out", b"caf\xe9"], ids=["plain", "not UTF-8"])
def test_written_vectors_are_opened_from_any_name(tmp_path: Path, name: bytes) -> None:
    import pyarrow  # noqa: F401

    path = tmp_path / os.fsdecode(name)
    try:
        path.touch()
    except OSError:
        pytest.skip("a file system without such names")
    for kind in (".npy", ".arrow"):
        write_table(Table({"vector": VECTORS}), path.with_suffix(kind))
    array = open_result(path.with_suffix(".npy"))
    assert isinstance(array, np.memmap)
    np.testing.assert_array_equal(array, VECTORS)
    table: Any = open_result(path.with_suffix(".arrow"))
    assert table["vector"].to_pylist() == VECTORS.tolist()
    lines = path.with_suffix(".jsonl")
    assert open_result(lines) == lines
