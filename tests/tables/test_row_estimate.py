"""The number of rows is estimated while they are read, and exact at the end."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest
from tests.support.row_files import KINDS, PACKED, Rows, write_file

from albertkit.tables import RowEstimate, find_inputs, read_batches

# Long enough that what is read ahead, some hundred thousand bytes, is less than a tenth.
ROWS: Rows = [(f"{number} {'words and ' * 60}", number) for number in range(8000)]


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", [".txt", ".csv", ".jsonl"])
def test_rows_are_estimated_by_the_bytes_read_so_far(
    tmp_path: Path, kind: str, packed: str
) -> None:
    data = KINDS[kind](ROWS)
    inputs = find_inputs(
        [write_file(tmp_path, f"{name}{kind}{packed}", PACKED[packed](data)) for name in "ab"]
    )
    estimate = RowEstimate(inputs)
    assert estimate.rows() is None
    result = []
    for _ in read_batches(inputs, rows=500, estimate=estimate):
        result.append(estimate.rows())
    assert len(result) == 32
    assert estimate.rows() == 16_000
    message = [(number, about) for number, about in enumerate(result, 1) if about is not None]
    assert all(about >= 500 * number for number, about in message)
    if not packed:  # these come to so few bytes that all are there at once
        assert len(message) > 20
        assert all(abs(about - 16_000) < 1_600 for _, about in message)


def test_rows_of_metadata_are_known_and_those_of_a_pipe_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    pipe = find_inputs("-")
    estimate = RowEstimate(pipe)
    list(read_batches(pipe, estimate=estimate))
    assert estimate.rows() is None
    import pyarrow  # noqa: F401

    table = find_inputs(write_file(tmp_path, "a.parquet", KINDS[".parquet"](ROWS)))
    assert RowEstimate(table).rows() == 8000
    lines = write_file(tmp_path, "a.txt", b"one\ntwo\n")
    both = find_inputs([write_file(tmp_path, "b.parquet", KINDS[".parquet"](ROWS)), lines])
    estimate = RowEstimate(both)
    assert estimate.rows() is None
    list(read_batches(both, estimate=estimate))
    assert estimate.rows() == 8002


def test_there_is_no_estimate_for_a_stream_of_arrow(
    tmp_path: Path,
) -> None:
    import pyarrow  # noqa: F401

    lines = write_file(tmp_path, "a.txt", b"one\ntwo\n")
    both = find_inputs([lines, write_file(tmp_path, "b.arrows", KINDS[".arrows"](ROWS))])
    estimate = RowEstimate(both)
    assert {estimate.rows() for _ in read_batches(both, estimate=estimate)} == {None}
    assert estimate.rows() is None


def test_rows_are_known_at_the_end_of_a_truncated_file(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(KINDS[".txt"](ROWS)))
    packed[-8] ^= 1  # of the checksum
    inputs = find_inputs([write_file(tmp_path, "a.txt.gz", bytes(packed))])
    estimate = RowEstimate(inputs)
    batches = list(read_batches(inputs, skip_invalid=True, estimate=estimate))
    assert [invalid.code for batch in batches for invalid in batch.invalid] == ["file-malformed"]
    assert estimate.rows() == batches[-1].end
