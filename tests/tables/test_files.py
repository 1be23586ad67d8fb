"""A file of vectors is given back as it was written, whatever it is called."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albertkit.tables import Table, open_result, write_table

VECTORS = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize("name", [b"out", b"caf\xe9"], ids=["plain", "not UTF-8"])
def test_vectors_are_given_back(tmp_path: Path, name: bytes) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    place = tmp_path / os.fsdecode(name)
    try:
        place.touch()
    except OSError:
        pytest.skip("a file system without such names")
    for kind in (".npy", ".arrow"):
        write_table(Table({"vector": VECTORS}), place.with_suffix(kind))
    array = open_result(place.with_suffix(".npy"))
    assert isinstance(array, np.memmap)
    np.testing.assert_array_equal(array, VECTORS)
    table: Any = open_result(place.with_suffix(".arrow"))
    assert table["vector"].to_pylist() == VECTORS.tolist()
    lines = place.with_suffix(".jsonl")
    assert open_result(lines) == lines
