"""Files named by a URI: written bytes are read back, and a file is complete or absent."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from tests.support.full_disk import limit_file_size
from tests.tables.s3_server import ObjectStore, object_store

from albertkit.errors import InputError, ResourceError
from albertkit.fileformats.atomic import make_temporary_name
from albertkit.tables import InvalidRow, ShardedSink, Table, read_batches
from albertkit.tables.filesystems import remote
from albertkit.tables.filesystems.remote import (
    create_object,
    hide_account,
    is_directory,
    join_uri,
    list_files,
    list_names,
    measure_uri,
    open_uri,
    remove,
)


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with object_store() as server:
        yield server


@pytest.fixture(params=["file", "s3"])
def top(request: pytest.FixtureRequest, store: ObjectStore, tmp_path: Path) -> str:
    """The URI of an empty directory."""
    return f"file://{tmp_path}" if request.param == "file" else store.uri(f"bucket{tmp_path}")


def write_uri(uri: str, data: bytes = b"some bytes") -> str:
    with create_object(uri) as file:
        file.write(data)
    return uri


def test_written_bytes_are_read_back_from_any_location(top: str) -> None:
    data = bytes(range(256)) * 50_000  # more than one part of an upload
    uri = write_uri(join_uri(top, "ein Name mit ü.bin"), data)
    assert measure_uri(uri) == len(data)
    with open_uri(uri) as file:
        assert file.read() == data
        file.seek(1000)
        assert file.read(8) == data[1000:1008]


def test_a_directory_lists_its_visible_files_in_order(top: str) -> None:
    for name in ("b.txt", "a.txt", "_job.json", ".lock"):
        write_uri(join_uri(top, name))
    assert is_directory(top)
    assert not is_directory(join_uri(top, "a.txt"))
    assert list_files(top) == [join_uri(top, "a.txt"), join_uri(top, "b.txt")]
    assert sorted(list_names(top)) == [".lock", "_job.json", "a.txt", "b.txt"]


def test_a_failed_write_leaves_the_earlier_file(top: str) -> None:
    uri = write_uri(join_uri(top, "there.txt"), b"before")
    with pytest.raises(ZeroDivisionError), create_object(uri) as file:
        file.write(bytes(1 // (len(list_names(top)) - 1)))
    with open_uri(uri) as file:
        assert file.read() == b"before"
    assert list_names(top) == ["there.txt"]


def test_an_unreachable_shard_is_not_truncated(
    store: ObjectStore,
) -> None:
    path = store.uri("bucket/looked-at")
    with ShardedSink(path, job={}) as sink:
        with sink.shards.writing(0) as shard:
            shard.write(Table({"vector": np.ones((2, 3), np.float32)}))
        store.answers = 0
        try:
            with pytest.raises(ResourceError, match="AWS Error") as failed:
                assert sink.complete_shards
        finally:
            store.answers = None
        assert failed.value.diagnostic.code == "filesystem-unreachable"
        assert sink.complete_shards == {0}


def test_two_writers_of_one_file_have_two_temporary_files(tmp_path: Path) -> None:
    """They may be on two machines, with the same number as a process: here they are one's."""
    uri = f"file://{tmp_path}/one.bin"
    together = Barrier(2)

    def write(byte: bytes) -> None:
        with create_object(uri) as file:
            file.write(byte * 30_000_000)
            together.wait()

    with ThreadPoolExecutor(2) as writers:
        list(writers.map(write, (b"a", b"b")))
    assert set((tmp_path / "one.bin").read_bytes()) in ({ord("a")}, {ord("b")})
    assert list_names(f"file://{tmp_path}") == ["one.bin"]


def test_a_full_local_disk_is_one_line_and_writes_nothing(tmp_path: Path) -> None:
    with (
        limit_file_size(2**16),
        pytest.raises(ResourceError, match=r"could not be written: File too large.*ulimit"),
        create_object(f"file://{tmp_path}/one.bin") as file,
    ):
        file.write(bytes(2**20))
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_killed_writer_are_removed_on_resume(tmp_path: Path) -> None:
    path = f"file://{tmp_path}/job"
    with ShardedSink(path, job={}, shard_format="npy") as sink, sink.shards.writing(0) as shard:
        shard.write(Table({"vector": np.ones((2, 3), np.float32)}))
    (tmp_path / "job" / make_temporary_name("part-00001.npy")).write_bytes(b"half")
    ShardedSink(path, job={}, shard_format="npy", resume=True).close()
    assert sorted(list_names(path)) == ["_job.json", "part-00000.npy"]


def test_a_file_that_is_removed_is_gone(top: str) -> None:
    uri = write_uri(join_uri(top, "gone.txt"))
    remove(uri)
    remove(uri)  # and nothing is said of one that is not there
    assert measure_uri(uri) is None


def test_rows_are_read_from_a_bucket(store: ObjectStore, tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(10)]
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), tmp_path / "a.parquet")
    (tmp_path / "b.txt").write_text("one more\n")
    for name in ("a.parquet", "b.txt"):
        write_uri(store.uri(f"bucket/rows/{name}"), (tmp_path / name).read_bytes())
    result = [text for batch in read_batches(store.uri("bucket/rows")) for text in batch.texts]
    assert result == [*texts, "one more"]


def test_messages_and_job_files_hold_no_secret(store: ObjectStore) -> None:
    uri = store.uri("bucket/none.parquet")
    assert "a-secret" in uri
    assert "a-secret" not in hide_account(uri)
    with pytest.raises((InputError, ResourceError)) as missing:
        list(read_batches(uri))
    assert "bucket/none.parquet" in str(missing.value)
    assert "a-secret" not in str(missing.value)


def test_an_unknown_scheme_is_one_line() -> None:
    with pytest.raises(InputError) as unknown:
        measure_uri("abc://texts/a.parquet")
    assert unknown.value.diagnostic.code == "filesystem-unknown"
    assert "'abc://texts/a.parquet'" in str(unknown.value)


def test_a_scheme_that_pyarrow_was_built_without_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The wheels of PyPI have all; those of other distributors need not."""

    def open_without_s3(root: str) -> None:
        raise pyarrow.ArrowNotImplementedError("Got S3 URI but Arrow compiled without S3 support")

    monkeypatch.setattr(remote, "_open_filesystem", open_without_s3)
    with pytest.raises(InputError, match=r"compiled without S3 support.*\[filesystem-unknown\]"):
        measure_uri("s3://texts/a.parquet")


def test_a_bucket_without_access_is_one_line(store: ObjectStore) -> None:
    with pytest.raises(ResourceError) as closed:
        measure_uri(store.uri("closed/x"))
    assert closed.value.diagnostic.code == "filesystem-unreachable"
    assert "'s3://closed/x'" in str(closed.value)
    assert "\n" not in str(closed.value)


def test_a_job_in_a_bucket_is_resumed(store: ObjectStore) -> None:
    path = store.uri("bucket/job")
    vectors = np.ones((2, 3), np.float32)
    with ShardedSink(path, job={"model": "tiny"}) as sink, sink.shards.writing(0) as shard:
        shard.write(Table({"vector": vectors}))
    with pytest.raises(InputError) as begun:
        ShardedSink(path, job={"model": "tiny"})
    assert begun.value.diagnostic.code == "output-exists"
    with ShardedSink(path, job={"model": "tiny"}, resume=True) as sink:
        assert sink.complete_shards == {0}
        with sink.shards.writing(1) as shard:
            shard.write(Table({"vector": vectors}))
            shard.invalid.add([InvalidRow("a.txt", 3, "row-malformed", "holds null")])
    assert list_names(path) == [
        "_invalid-00001.jsonl",
        "_job.json",
        "part-00000.parquet",
        "part-00001.parquet",
    ]
    assert store.uploads == {}
