"""How many rows there will be is foreseen while they are read, and known at the end."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest
from tests.support.row_files import KINDS, PACKED, Rows, written

from albertkit.tables import RowEstimate, find_inputs, read_batches

# Long enough that what is read ahead, some hundred thousand bytes, is less than a tenth.
ROWS: Rows = [(f"{number} {'words and ' * 60}", number) for number in range(8000)]


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", [".txt", ".csv", ".jsonl"])
def test_rows_are_foreseen_by_the_bytes_read_so_far(tmp_path: Path, kind: str, packed: str) -> None:
    data = KINDS[kind](ROWS)
    inputs = find_inputs(
        [written(tmp_path, f"{name}{kind}{packed}", PACKED[packed](data)) for name in "ab"]
    )
    estimate = RowEstimate(inputs)
    assert estimate.rows() is None
    found = []
    for _ in read_batches(inputs, rows=500, estimate=estimate):
        found.append(estimate.rows())
    assert len(found) == 32
    assert estimate.rows() == 16_000
    told = [(number, about) for number, about in enumerate(found, 1) if about is not None]
    assert all(about >= 500 * number for number, about in told)
    if not packed:  # these come to so few bytes that all are there at once
        assert len(told) > 20
        assert all(abs(about - 16_000) < 1_600 for _, about in told)


def test_rows_that_files_tell_are_known_and_a_pipes_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    pipe = find_inputs("-")
    estimate = RowEstimate(pipe)
    list(read_batches(pipe, estimate=estimate))
    assert estimate.rows() is None
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = find_inputs(written(tmp_path, "a.parquet", KINDS[".parquet"](ROWS)))
    assert RowEstimate(table).rows() == 8000
    lines = written(tmp_path, "a.txt", b"one\ntwo\n")
    both = find_inputs([written(tmp_path, "b.parquet", KINDS[".parquet"](ROWS)), lines])
    estimate = RowEstimate(both)
    assert estimate.rows() is None
    list(read_batches(both, estimate=estimate))
    assert estimate.rows() == 8002


def test_nothing_is_foreseen_with_a_stream_of_arrow_whose_bytes_nobody_counts(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    lines = written(tmp_path, "a.txt", b"one\ntwo\n")
    both = find_inputs([lines, written(tmp_path, "b.arrows", KINDS[".arrows"](ROWS))])
    estimate = RowEstimate(both)
    assert {estimate.rows() for _ in read_batches(both, estimate=estimate)} == {None}
    assert estimate.rows() is None


def test_rows_are_known_at_the_end_where_a_file_broke(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(KINDS[".txt"](ROWS)))
    packed[-8] ^= 1  # of the checksum
    inputs = find_inputs([written(tmp_path, "a.txt.gz", bytes(packed))])
    estimate = RowEstimate(inputs)
    batches = list(read_batches(inputs, skip_invalid=True, estimate=estimate))
    assert [invalid.code for batch in batches for invalid in batch.invalid] == ["file-malformed"]
    assert estimate.rows() == batches[-1].end
