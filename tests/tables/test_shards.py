"""Whether a shard is complete is decided for any damaged file, without an exception."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from albertkit.tables import Table, write_table
from albertkit.tables.writers.shards import COMPLETENESS_CHECKS, choose_shard_format, is_complete

ROWS = Table({"vector": np.arange(12, dtype=np.float32).reshape(3, 4)})


@pytest.fixture(scope="module", params=COMPLETENESS_CHECKS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param in ("parquet", "arrow"):
        import pyarrow  # noqa: F401
    path: Path = tmp_path_factory.mktemp("whole") / f"part.{request.param}"
    write_table(ROWS, path)
    return path


@pytest.mark.filterwarnings("ignore:Reading `.npy`")  # numpy's, of a header from Python 2
@given(changes=st.dictionaries(st.integers(0, 2**12), st.integers(0, 255), max_size=4))
@example(changes={58: ord(":"), 73: 0x8D})  # numpy parses what it cannot read a second time
@example(changes={11: ord("b"), 12: ord("'")})  # numpy sorts names with one that is bytes
def test_completeness_of_any_damaged_file_is_decided(
    written: Path, changes: dict[int, int]
) -> None:
    data = bytearray(written.read_bytes())
    kind = written.name.partition(".")[2]
    assert is_complete(io.BytesIO(data), kind)
    for offset, value in changes.items():
        data[offset % len(data)] = value
    assert is_complete(io.BytesIO(data), kind) in (True, False)


def test_a_file_without_its_end_is_not_complete(written: Path) -> None:
    kind = written.name.partition(".")[2]
    if kind != "jsonl.gz":  # see there
        assert not is_complete(io.BytesIO(written.read_bytes()[:-1]), kind)


def test_shards_are_parquet_where_that_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("albertkit.tables.writers.shards.find_spec", lambda name: None)
    assert choose_shard_format() == "jsonl"
    monkeypatch.setattr("albertkit.tables.writers.shards.find_spec", lambda name: name)
    assert choose_shard_format() == "parquet"
