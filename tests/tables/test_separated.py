"""Cells are split as Python's csv splits them, wherever a block ends."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from albertkit.tables.chunk import RowError
from albertkit.tables.readers import lines
from albertkit.tables.readers.separated import RecordReader

MARKS = st.text(st.sampled_from('a",\n\r \u2028\x00é'), max_size=30)


def ours(text: str) -> list[list[str] | None]:
    """The cells of each record, None for what is none."""
    records = RecordReader(io.BytesIO(text.encode())).records()
    return [None if isinstance(each.cells, RowError) else each.cells for each in records]


@settings(max_examples=150)
@given(rows=st.lists(st.lists(MARKS, min_size=1, max_size=4), max_size=6), end=st.booleans())
def test_what_python_writes_is_read(rows: list[list[str]], end: bool) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    text = file.getvalue() if end else file.getvalue().removesuffix("\r\n")
    assert ours(text) == rows


@settings(max_examples=150)
@given(text=MARKS.map(lambda text: text.replace("\r", "")))
@example(text='a"b,c\n')
@example(text='"a""",\n')
def test_any_text_is_read_as_pythons_strict_reader_reads_it(text: str) -> None:
    """Up to the first record that it refuses; ours goes on behind."""
    theirs: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        theirs += (row for row in reader if row)
    except csv.Error:
        result = ours(text)
        assert result[len(theirs)] is None
        assert result[: len(theirs)] == theirs
    else:
        assert ours(text) == theirs


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_records_may_be_cut_by_blocks(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    text = '\ufeffa,"é\r\n""x""",c\r\n\r\nd,e\u2028,"\n'
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    assert ours(text) == [["a", 'é\r\n"x"', "c"], None]


def test_the_time_of_a_record_grows_with_its_length() -> None:
    def measure(count: int) -> float:
        line = b'"a"' + b",b" * count + b"\n"
        begin = time.process_time()
        (record,) = RecordReader(io.BytesIO(line)).records()
        assert len(record.cells) == count + 1  # type: ignore[arg-type]  # it is no error
        return time.process_time() - begin

    few = min(measure(50_000) for _ in range(3))
    assert measure(800_000) < 16 * 4 * few  # if each cell copied the rest of the line: 256 times
