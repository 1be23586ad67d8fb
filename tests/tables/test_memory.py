"""Memory stays the same however long a file is, whatever its kind."""

from __future__ import annotations

import bz2
import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from albertkit.tables import Table, new_table, read_batches

LINE = "a sentence of quite some words that repeats itself, as sentences do in logs " * 2
MB = 2**20


def lines(rows: int) -> Iterator[bytes]:
    return (f"{row} {LINE}\n".encode() for row in range(rows))


def cells(rows: int) -> Iterator[bytes]:
    yield b"n,text\n"
    for row in range(rows):
        yield f'{row},"{LINE}\n""{row}"""\n'.encode()


def objects(rows: int) -> Iterator[bytes]:
    return (json.dumps({"text": LINE, "n": row}).encode() + b"\n" for row in range(rows))


def unclosed(rows: int) -> Iterator[bytes]:
    yield b'text\n"'
    yield from lines(rows)


def one_line(rows: int) -> Iterator[bytes]:
    return (line[:-1] for line in lines(rows))


KINDS: dict[str, Callable[[int], Iterator[bytes]]] = {
    "lines.txt": lines,
    "cells.csv": cells,
    "objects.jsonl": objects,
    "unclosed.csv": unclosed,
    "one_line.txt": one_line,
    "one_object.jsonl": one_line,
}


def peak(place: Path, **options: Any) -> tuple[int, int]:
    """Rows, and the most memory that Python held at a time."""
    tracemalloc.start()
    rows = sum(batch.rows for batch in read_batches(place, skip_invalid=True, rows=512, **options))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return rows, most


@pytest.mark.parametrize("name", ["lines.txt", "cells.csv", "objects.jsonl"])
def test_a_long_file_is_read_in_the_memory_of_its_batches(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    with place.open("wb") as file:
        file.writelines(KINDS[name](40_000))
    assert place.stat().st_size > 6 * MB
    rows, most = peak(place)
    assert rows == 40_000
    assert most < 4 * MB


@pytest.mark.parametrize("name", ["unclosed.csv", "one_line.txt", "one_object.jsonl"])
def test_a_row_without_end_takes_no_more_than_the_longest_that_is_read(
    tmp_path: Path, name: str
) -> None:
    place = tmp_path / name
    with place.open("wb") as file:
        file.writelines(KINDS[name](80_000))
    assert place.stat().st_size > 12 * MB
    rows, most = peak(place)
    assert rows == 1
    assert most < 8 * MB


@pytest.mark.parametrize("opened", [gzip.open, bz2.open])
def test_a_bomb_is_read_as_the_one_bad_row_it_is(
    tmp_path: Path, opened: Callable[[Path, str], BinaryIO]
) -> None:
    place = tmp_path / "bomb.jsonl"
    with opened(place, "wb") as file:
        for _ in range(50):
            file.write(bytes(MB))
    assert place.stat().st_size < MB
    rows, most = peak(place)
    assert rows == 1
    assert most < 12 * MB


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_one_great_group_of_a_table_is_read_a_part_at_a_time(tmp_path: Path, kind: str) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import ipc, parquet

    texts = [f"{row} {LINE}" for row in range(150_000)]
    table = pyarrow.table({"text": texts, "other": texts})
    place = tmp_path / f"a.{kind}"
    if kind == "parquet":
        parquet.write_table(table, place, row_group_size=len(texts), use_dictionary=False)
    else:
        with ipc.new_file(str(place), table.schema) as writer:
            writer.write_table(table)
    del texts, table
    pool = pyarrow.default_memory_pool()
    before, held = pool.bytes_allocated(), 0
    for batch in read_batches(place):
        held = max(held, pool.bytes_allocated() - before)
        assert len(batch.texts) <= 4096
    assert held < 8 * MB, "of 25 MB"


def test_many_tables_are_written_in_the_memory_of_few(tmp_path: Path) -> None:
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    vectors = np.ones((1000, 64), np.float32)
    tracemalloc.start()
    with new_table(tmp_path / "out.npy") as writer:
        for _ in range(100):
            writer.write(Table({"vector": vectors}))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "out.npy").stat().st_size > 25_000_000
    assert most < MB
