"""Parquet and Arrow: by groups, typed, and damaged in every way without an exception of pyarrow."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.row_files import KINDS, Rows, as_arrow, as_arrow_stream, as_parquet, write_file

from albertkit.errors import AlbertKitError, InputError
from albertkit.tables import InvalidRow, RowBatch, find_inputs, read_batches, read_whole_table
from albertkit.tables.table import convert_to_json_cells

ROWS: Rows = [(f"text {number}", number) for number in range(10)]
ARROWS = (".parquet", ".arrow", ".arrows")


def arrow(batch: RowBatch, name: str) -> pyarrow.Array:
    """The kept column."""
    column = batch.kept[name]
    assert isinstance(column, pyarrow.Array)
    return column


def parquet(folder: Path, columns: dict[str, object], **options: object) -> Path:
    path = folder / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def test_metadata_give_the_number_of_rows(tmp_path: Path) -> None:
    one = write_file(tmp_path, "a.parquet", as_parquet(ROWS))
    two = write_file(tmp_path, "b.arrow", as_arrow(ROWS))
    assert find_inputs(one).rows == 10
    assert find_inputs(tmp_path).rows == 20
    assert find_inputs([one, write_file(tmp_path, "c.arrows", as_arrow_stream(ROWS))]).rows is None
    assert find_inputs([two, write_file(tmp_path, "d.txt", b"text\n")]).rows is None
    with pytest.raises(InputError, match=r"\[file-not-found\]"):
        find_inputs(tmp_path / "nothing")


@pytest.mark.parametrize("kind", [".parquet", ".arrow"])
def test_groups_before_the_start_are_not_read(tmp_path: Path, kind: str) -> None:
    """Their bytes may be lost."""
    data = bytearray(KINDS[kind](ROWS))  # groups of 3 rows
    offset = data.index(b"text 1")
    data[offset - 30 : offset + 12] = bytes(42)
    path = write_file(tmp_path, f"a{kind}", bytes(data))
    texts = [text for batch in read_batches(path, start=3) for text in batch.texts]
    assert texts == [text for text, _ in ROWS[3:]]


def test_a_damaged_group_keeps_its_row_numbers(tmp_path: Path) -> None:
    data = bytearray(as_parquet(ROWS))
    offset = data.index(b"text 4")
    data[offset - 40 : offset + 8] = b"\xff" * 48
    path = write_file(tmp_path, "a.parquet", bytes(data))
    texts: list[str] = []
    invalid: list[InvalidRow] = []
    for batch in read_batches(path, skip_invalid=True, boundary=4):
        texts += batch.texts
        invalid += batch.invalid
    assert texts == [text for number, (text, _) in enumerate(ROWS) if not 3 <= number < 6]
    assert [(each.row, each.number, each.rows) for each in invalid] == [(4, 3, 1), (5, 4, 2)]
    assert {each.code for each in invalid} == {"file-malformed"}
    assert "and the 2 rows after it cannot be read: " in invalid[0].why
    with pytest.raises(AlbertKitError, match=r"a\.parquet: row 4 and the 2 rows after it cannot"):
        list(read_batches(path))


@pytest.mark.parametrize(
    "kind",
    [
        pyarrow.string(),
        pyarrow.large_string(),
        pyarrow.string_view(),
        pyarrow.binary(),
        pyarrow.large_binary(),
        pyarrow.dictionary(pyarrow.int8(), pyarrow.string()),
    ],
    ids=str,
)
@pytest.mark.parametrize("file_kind", ["parquet", "arrow"])
def test_texts_of_every_type_are_read(
    tmp_path: Path, kind: pyarrow.DataType, file_kind: str
) -> None:
    texts = pyarrow.array(["a", None, "é\x00", "a"]).cast(kind)
    path = tmp_path / f"a.{file_kind}"
    table = pyarrow.table({"text": texts, "n": [1, 2, 3, 4]})
    if file_kind == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        with pyarrow.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    (batch,) = read_batches(path, keep=["n"], skip_invalid=True)
    assert batch.texts == ["a", "é\x00", "a"]
    assert arrow(batch, "n").equals(pyarrow.array([1, 3, 4]))
    assert [(invalid.row, invalid.code, invalid.why) for invalid in batch.invalid] == [
        (2, "row-malformed", "holds null instead of a text")
    ]


def test_bytes_that_are_not_utf8_are_one_invalid_row(tmp_path: Path) -> None:
    stored = pyarrow.array([b"a", b"\xff", b"c"])
    pretended = pyarrow.Array.from_buffers(pyarrow.string(), 3, stored.buffers())
    for column in (stored, pretended):
        path = parquet(tmp_path, {"text": column, "same": column})
        (batch,) = read_batches(path, column="text", skip_invalid=True)
        assert batch.texts == ["a", "c"]
        assert [(invalid.row, invalid.code) for invalid in batch.invalid] == [(2, "file-not-utf8")]
    (batch,) = read_batches(path, column="text", keep=["same"], skip_invalid=True)
    assert arrow(batch, "same").to_pylist() == ["a", "c"]


def test_a_long_row_among_short_ones_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"text": ["a", "x" * 10_000_000, "b"]})
    (batch,) = read_batches(path, skip_invalid=True)
    assert batch.texts == ["a", "b"]
    assert [(invalid.row, invalid.code) for invalid in batch.invalid] == [(2, "row-too-long")]


def test_a_kept_column_has_its_own_type(tmp_path: Path) -> None:
    nested = pyarrow.array([[{"a": 1}], None], pyarrow.list_(pyarrow.struct({"a": "int8"})))
    when = pyarrow.array([1, None], pyarrow.timestamp("us", "UTC"))
    named = pyarrow.array(["x", None]).dictionary_encode()
    path = parquet(tmp_path, {"text": ["a", "b"], "nested": nested, "when": when, "named": named})
    keep = ["nested", "when", "named", "text"]
    (batch,) = read_batches(path, keep=keep)
    types = find_inputs(path).types(keep)
    assert {name: arrow(batch, name).type for name in batch.kept} == types
    assert arrow(batch, "nested").equals(nested)
    assert arrow(batch, "when").equals(when)
    assert types["named"] == pyarrow.string()


def test_columns_are_compared_before_any_row_is_read(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"n": [1], "text": ["a"]})
    with pytest.raises(InputError, match=r"'n' holds int64.*\[column-not-text\]"):
        read_batches(path, column="n")
    with pytest.raises(InputError, match=r"'txt'.*n, text.*perhaps 'text'.*\[column-missing\]"):
        read_batches(path, column="txt")
    table = write_file(tmp_path, "b.csv", b"n,text\n1,b\n")
    with pytest.raises(InputError, match=r"'n' is int64 .* and string .*\[column-types-differ\]"):
        read_batches([path, table], keep=["n"])
    lines = write_file(tmp_path, "c.jsonl", b'{"n":2,"text":"c"}\n')
    (batch,) = read_batches([path, lines], keep=["n"])
    assert arrow(batch, "n").equals(pyarrow.array([1, 2]))


@pytest.mark.parametrize("kind", ARROWS)
def test_the_contents_show_the_format_if_the_name_does_not(tmp_path: Path, kind: str) -> None:
    path = write_file(tmp_path, "a.csv", KINDS[kind](ROWS))
    assert [text for batch in read_batches(path) for text in batch.texts] == [
        text for text, _ in ROWS
    ]


def check_no_foreign_exception(data: bytes, kind: str) -> None:
    """What is read of a damaged file are strings, and what is said is said in our errors."""
    with TemporaryDirectory() as folder:
        path = write_file(Path(folder), f"a{kind}", data)
        with suppress(AlbertKitError):
            for batch in read_batches(path, keep=["n"], skip_invalid=True):
                assert all(isinstance(text, str) for text in batch.texts)
                assert len(batch.kept["n"]) == len(batch.texts)


@pytest.mark.parametrize("kind", ARROWS)
def test_a_table_truncated_anywhere_raises_our_error(kind: str) -> None:
    data = KINDS[kind](ROWS[:4])
    for end in range(0, len(data), 7):
        check_no_foreign_exception(data[:end], kind)


@pytest.mark.parametrize("kind", ARROWS)
@settings(max_examples=80)
@given(data=st.data())
def test_a_table_with_changed_bytes_raises_our_error(kind: str, data: st.DataObject) -> None:
    whole = bytearray(KINDS[kind](ROWS[:4]))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    check_no_foreign_exception(bytes(whole), kind)


@pytest.mark.parametrize("kind", ARROWS)
def test_a_type_that_pyarrow_lacks_raises_our_error(kind: str) -> None:
    """One changed byte makes strings (5) integers (2) of 0 bits: ArrowNotImplementedError."""
    whole = KINDS[kind](ROWS[:4])
    for place in (n for n, byte in enumerate(whole) if byte == 5):
        check_no_foreign_exception(whole[:place] + b"\2" + whole[place + 1 :], kind)


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_a_time_of_nanoseconds_is_a_text(zone: str | None, tmp_path: Path) -> None:
    times = pyarrow.array([1, None, 10**18], pyarrow.timestamp("ns", zone))
    path = parquet(tmp_path, {"text": ["a", "b", "c"], "time": times})
    (batch,) = read_batches(path, keep=["time"])
    # with pandas installed a value of its own comes, which is read in the same way
    for cells in (
        convert_to_json_cells(batch.kept["time"]),
        read_whole_table(path).columns["time"],
    ):
        first, missing, last = cells
        assert str(first).replace(" ", "T").startswith("1970-01-01T00:00:00.000000001")
        assert missing is None
        assert str(last).replace(" ", "T").startswith("2001-09-09T01:46:40")
