"""Any text is read unchanged, from every format and compression, however it is split."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow  # noqa: F401  # half of the kinds are its
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.row_files import KINDS, PACKED, TABLES, Rows, write_file

from albertkit.tables import (
    OUTPUT_FORMATS,
    ReadOptions,
    RowBatch,
    Table,
    create_table,
    find_inputs,
    read_batches,
    read_whole_table,
)
from albertkit.tables.table import convert_to_json_cells

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(TEXTS, NUMBERS), min_size=1, max_size=12)
ODD = ["", "\u2028", "a\rb", "c\r", '"', '""', 'say "x"\n\n', "\x00", "\ufeffd", ",\t", "\x0c", " "]


def numbers_and_texts(batches: list[RowBatch]) -> list[tuple[str, object]]:
    """Texts with their kept numbers; rows must be numbered one after another."""
    assert [batch.first for batch in batches[1:]] == [batch.end for batch in batches[:-1]]
    return [
        (text, n)
        for batch in batches
        for text, n in zip(batch.texts, convert_to_json_cells(batch.kept["n"]), strict=True)
    ]


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("kind", TABLES)
@settings(max_examples=12)
@given(rows=ROWS, size=st.integers(1, 5), start=st.integers(0, 14))
@example(rows=[(text, None) for text in ODD], size=4, start=0)
def test_a_table_written_by_other_libraries_is_read(
    kind: str, packed: str, rows: Rows, size: int, start: int
) -> None:
    wanted: list[tuple[str, object]] = list(rows)
    if kind in (".csv", ".tsv"):
        wanted = [(text, "" if n is None else str(n)) for text, n in rows]
    with TemporaryDirectory() as folder:
        name = f"rows{kind}{packed}"
        path = write_file(Path(folder), name, PACKED[packed](KINDS[kind](rows)))
        inputs = find_inputs(path, options=ReadOptions(quotes=True))
        batches = list(read_batches(inputs, keep=["n"], rows=size, start=start))
        whole = list(read_batches(inputs, keep=["n"]))
    assert all(batch.rows <= size for batch in batches)
    assert numbers_and_texts(batches) == wanted[start:]
    assert numbers_and_texts(whole) == wanted


@pytest.mark.parametrize("packed", PACKED)
@settings(max_examples=12)
@given(texts=st.lists(TEXTS.map(lambda text: text.replace("\n", "")), max_size=12))
@example(texts=["", "x", ""])
def test_lines_are_read(packed: str, texts: list[str]) -> None:
    whole = [text.removesuffix("\r") for text in texts]  # ends a line, as "\r\n" does
    whole[:1] = [text.removeprefix("\ufeff") for text in whole[:1]]
    with TemporaryDirectory() as folder:
        data = PACKED[packed]("".join(f"{text}\n" for text in texts).encode())
        path = write_file(Path(folder), f"lines.txt{packed}", data)
        assert [t for batch in read_batches(path, rows=3) for t in batch.texts] == whole


@pytest.mark.parametrize("kind", [kind for kind in OUTPUT_FORMATS if kind != ".npy"])
@settings(max_examples=12)
@given(rows=ROWS, cut=st.integers(0, 12))
@example(rows=[(text, None) for text in ODD], cut=2)
def test_what_we_write_we_read(kind: str, rows: Rows, cut: int) -> None:
    """In two tables or one, numbers and nulls among them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"out{kind}"
        with create_table(path, {"n": "int64"}) as writer:
            for part in (rows[:cut], rows[cut:]):
                texts, numbers = [text for text, _ in part], [n for _, n in part]
                writer.write(Table({"text": texts, "n": numbers}))
        inputs = find_inputs(path, options=ReadOptions(quotes=True))
        batches = list(read_batches(inputs, keep=["n"]))
    result = [(text, n if n != "" else None) for text, n in numbers_and_texts(batches)]
    wanted: list[tuple[str, object]] = list(rows)
    if kind in (".csv", ".tsv"):
        wanted = [(text, None if n is None else str(n)) for text, n in rows]
    assert result == wanted


@pytest.mark.parametrize("kind", TABLES)
def test_a_whole_table_is_all_files_of_a_directory(kind: str, tmp_path: Path) -> None:
    rows: Rows = [("a b", 1), ("c", 2), ("d", 3), ("e", 4), ("f", 5)]
    write_file(tmp_path, f"a{kind}", KINDS[kind](rows[:2]))
    write_file(tmp_path, f"b{kind}", KINDS[kind](rows[2:]))
    table = read_whole_table(tmp_path)
    assert list(table.columns["text"]) == [text for text, _ in rows]
    assert [int(n) for n in table.columns["n"]] == [1, 2, 3, 4, 5]
    assert list(table.rows) == [1, 2, 3, 4, 5]
    assert table.name == f"{tmp_path / 'a'}{kind} and 1 other file"
