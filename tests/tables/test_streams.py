"""A transient failure of a disk or network never marks a file or row as invalid."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.full_disk import limit_file_size
from tests.support.row_files import KINDS, PACKED, Rows, write_file

from albertkit.errors import ResourceError
from albertkit.tables import find_inputs, read_batches

ROWS: Rows = [(f"text {number} " + "and more " * 300, number) for number in range(300)]
# A file that is there, and whose disk fails: address 0 of this process, which nothing is at.
FAILING = Path("/proc/self/mem")


@pytest.mark.skipif(not FAILING.exists(), reason="/proc is not there")
def test_a_failing_disk_ends_the_reading_even_if_invalid_rows_are_skipped(
    tmp_path: Path,
) -> None:
    write_file(tmp_path, "a.txt", b"a\n")
    (tmp_path / "b.txt").symlink_to(FAILING)
    for skip_invalid in (False, True):
        with pytest.raises(
            ResourceError, match=r"b\.txt.*Input/output error.*disk or the net"
        ) as e:
            read_batches(tmp_path, skip_invalid=skip_invalid)
        assert e.value.diagnostic.code == "filesystem-unreachable"


@pytest.mark.parametrize(
    ("kind", "packed"),
    [*((kind, "") for kind in KINDS), (".txt", ".gz"), (".jsonl", ".zst"), (".csv", ".xz")],
)
def test_an_object_store_that_stops_answering_ends_the_reading(kind: str, packed: str) -> None:
    import pyarrow  # noqa: F401
    from tests.tables.s3_server import object_store

    name = f"a{kind}{packed}"
    with object_store() as store:
        store.objects[f"bucket/{name}"] = PACKED[packed](KINDS[kind](ROWS))
        inputs = find_inputs(store.uri(f"bucket/{name}"))
        store.answers = 99
        rows = sum(batch.rows for batch in read_batches(inputs, skip_invalid=True))
        assert rows == len(ROWS)
        needed = 99 - store.answers
        for answers in (0, needed - 1):
            store.answers = answers
            with pytest.raises(ResourceError, match="AWS Error") as caught:
                list(read_batches(inputs, skip_invalid=True))
            assert caught.value.diagnostic.code == "filesystem-unreachable"
            assert f"s3://bucket/{name}" in str(caught.value)
        store.answers = 0
        for skip_invalid in (False, True):  # nor is a look that failed a bad file
            with pytest.raises(ResourceError, match="AWS Error"):
                read_batches(store.uri(f"bucket/{name}"), skip_invalid=skip_invalid)


def test_a_full_local_disk_is_no_error_of_the_input(tmp_path: Path) -> None:
    import pyarrow  # noqa: F401

    path = write_file(tmp_path, "a.parquet.gz", PACKED[".gz"](KINDS[".parquet"](ROWS)))
    with (
        limit_file_size(2**16),
        pytest.raises(ResourceError, match=r"could not be written: File too large.*ulimit"),
    ):
        read_batches(path, skip_invalid=True)


SHORT_OF_MEMORY = """
import resource, sys
import pyarrow
from pyarrow import parquet, ipc
from albertkit.errors import ResourceError
from albertkit.tables import find_inputs, read_batches
pyarrow.set_cpu_count(1)  # each thread's stack would count, and there is one for each core
inputs = find_inputs(sys.argv[1])
batches = read_batches(inputs, skip_invalid=True)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**24, used + 2**24))
try:
    print("read", sum(batch.rows for batch in batches))
except ResourceError as error:
    print(error.diagnostic.code)
"""


@pytest.mark.parametrize("kind", ["parquet", "arrow.zst"])
def test_too_little_memory_ends_the_reading(tmp_path: Path, kind: str) -> None:
    import pyarrow
    from pyarrow import ipc, parquet

    table = pyarrow.table({"text": ["some words " * 90_000] * 60})
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        parquet.write_table(table, path, compression="zstd", use_dictionary=False)
    else:
        options = ipc.IpcWriteOptions(compression="zstd")
        with ipc.new_file(str(path), table.schema, options=options) as writer:
            writer.write_table(table)
    done = subprocess.run(
        [sys.executable, "-c", SHORT_OF_MEMORY, path], capture_output=True, text=True, check=False
    )
    assert done.stdout == "out-of-memory\n", done.stderr


def test_an_impossible_size_is_damage_not_a_lack_of_memory(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import ipc

    table = pyarrow.table({"text": ["words " * 1000] * 10})
    path = tmp_path / "a.arrow"
    options = ipc.IpcWriteOptions(compression="zstd")
    with ipc.new_file(str(path), table.schema, options=options) as writer:
        writer.write_table(table)
    data = bytearray(path.read_bytes())
    offset = data.index((60_000).to_bytes(8, "little"))  # how long a buffer is when it is unpacked
    data[offset : offset + 8] = (2**62).to_bytes(8, "little")
    path.write_bytes(data)
    (batch,) = read_batches(path, skip_invalid=True)
    assert [invalid.code for invalid in batch.invalid] == ["file-malformed"]
    assert f"{2**62:,} bytes" in batch.invalid[0].why
