"""Memory does not grow with the length of a file, whatever its format."""

from __future__ import annotations

import bz2
import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from albertkit.tables import Table, create_table, read_batches

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


def lines_without_close(rows: int) -> Iterator[bytes]:
    yield b'text\n"'
    yield from lines(rows)


def one_line(rows: int) -> Iterator[bytes]:
    return (line[:-1] for line in lines(rows))


KINDS: dict[str, Callable[[int], Iterator[bytes]]] = {
    "lines.txt": lines,
    "cells.csv": cells,
    "objects.jsonl": objects,
    "unclosed.csv": lines_without_close,
    "one_line.txt": one_line,
    "one_object.jsonl": one_line,
}


def peak(path: Path, **options: Any) -> tuple[int, int]:
    """Rows, and the most memory that Python held at a time."""
    tracemalloc.start()
    rows = sum(batch.rows for batch in read_batches(path, skip_invalid=True, rows=512, **options))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return rows, most


@pytest.mark.parametrize("name", ["lines.txt", "cells.csv", "objects.jsonl"])
def test_a_long_file_is_read_in_the_memory_of_its_batches(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.writelines(KINDS[name](40_000))
    assert path.stat().st_size > 6 * MB
    rows, most = peak(path)
    assert rows == 40_000
    assert most < 4 * MB


@pytest.mark.parametrize("name", ["unclosed.csv", "one_line.txt", "one_object.jsonl"])
def test_an_endless_row_takes_bounded_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.writelines(KINDS[name](80_000))
    assert path.stat().st_size > 12 * MB
    rows, most = peak(path)
    assert rows == 1
    assert most < 8 * MB


@pytest.mark.parametrize("opened", [gzip.open, bz2.open])
def test_a_decompression_bomb_is_one_invalid_row(
    tmp_path: Path, opened: Callable[[Path, str], BinaryIO]
) -> None:
    path = tmp_path / "bomb.jsonl"
    with opened(path, "wb") as file:
        for _ in range(50):
            file.write(bytes(MB))
    assert path.stat().st_size < MB
    rows, most = peak(path)
    assert rows == 1
    assert most < 12 * MB


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_large_row_group_is_read_in_parts(tmp_path: Path, kind: str) -> None:
    import pyarrow
    from pyarrow import ipc, parquet

    texts = [f"{row} {LINE}" for row in range(150_000)]
    table = pyarrow.table({"text": texts, "other": texts})
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        parquet.write_table(table, path, row_group_size=len(texts), use_dictionary=False)
    else:
        with ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    del texts, table
    pool = pyarrow.default_memory_pool()
    before, held = pool.bytes_allocated(), 0
    for batch in read_batches(path):
        held = max(held, pool.bytes_allocated() - before)
        assert len(batch.texts) <= 4096
    assert held < 8 * MB, "of 25 MB"


def test_many_tables_are_written_in_the_memory_of_few(tmp_path: Path) -> None:
    vectors = np.ones((1000, 64), np.float32)
    tracemalloc.start()
    with create_table(tmp_path / "out.npy") as writer:
        for _ in range(100):
            writer.write(Table({"vector": vectors}))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "out.npy").stat().st_size > 25_000_000
    assert most < MB
