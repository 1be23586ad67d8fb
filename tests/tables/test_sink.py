"""Shards are complete or absent, have one schema, and are made once, by one run at a time."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.support.full_disk import limit_file_size
from tests.support.interrupts import start_command
from tests.support.killed import run_script

from albertkit.errors import AlbertKitError, InputError, ResourceError
from albertkit.fileformats.reader import JsonValue
from albertkit.tables import InvalidRow, ShardedSink, Table, read_batches

JOB: dict[str, JsonValue] = {"inputs": [{"name": "a.txt", "bytes": 3}], "model": "tiny"}
BAD = InvalidRow("a.txt", 3, "row-malformed", "holds null", 2)
TYPES = {"n": "int64", "title": "string"}
EMPTY = Table({"n": [], "title": [], "vector": np.zeros((0, 3), np.float16)})


def table(first: int, rows: int, *, nulls: bool = False) -> Table:
    numbers = [None if nulls else number for number in range(first, first + rows)]
    vectors = np.arange(3 * rows, dtype=np.float16).reshape(rows, 3) + first
    return Table({"n": numbers, "title": [None] * rows, "vector": vectors})


def files(path: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in path.iterdir()}


@pytest.mark.parametrize("kind", ["parquet", "arrow", "npy", "jsonl", "jsonl.gz"])
def test_all_shards_have_one_schema_though_cells_are_null_or_missing(
    tmp_path: Path, kind: str
) -> None:
    if kind in ("parquet", "arrow"):
        import pyarrow  # noqa: F401
    with ShardedSink(
        tmp_path / "out", job=JOB, shard_format=kind, shard_rows=3, types=TYPES
    ) as sink:
        for number, tables in enumerate(
            [[table(0, 2, nulls=True)], [table(3, 1), table(4, 2)], [EMPTY]]
        ):
            with sink.shards.writing(number) as shard:
                for each in tables:
                    shard.write(each)
                shard.invalid.add([BAD] if number == 0 else [])
        assert sink.complete_shards == {0, 1, 2}
    places = [tmp_path / "out" / f"part-0000{number}.{kind}" for number in range(3)]
    if kind == "npy":
        shards = [np.load(path) for path in places]
        assert [(each.shape, each.dtype) for each in shards] == [
            ((rows, 3), np.dtype(np.float16)) for rows in (2, 3, 0)
        ]
        np.testing.assert_array_equal(shards[1][1:], table(4, 2).columns["vector"])
    elif kind == "parquet":
        from pyarrow import parquet

        schemas = {str(parquet.read_schema(path)) for path in places}
        assert len(schemas) == 1
        assert "halffloat>[3]" in schemas.pop()
        assert parquet.read_table(tmp_path / "out")["n"].to_pylist() == [None, None, 3, 4, 5]
    else:
        (batch,) = read_batches(places[1], column="title", skip_invalid=True)
        assert batch.rows == 3
    listed = (tmp_path / "out" / "_invalid-00000.jsonl").read_text()
    assert json.loads(listed) == {
        "file": "a.txt",
        "row": 3,
        "code": "row-malformed",
        "why": "holds null",
        "number": 3,
        "rows": 1,
    }


@pytest.mark.parametrize("kind", ["parquet", "arrow", "npy", "jsonl", "jsonl.gz"])
def test_the_same_rows_give_the_same_bytes_in_any_batches(tmp_path: Path, kind: str) -> None:
    if kind in ("parquet", "arrow"):
        import pyarrow  # noqa: F401
    whole = table(0, 9_000)
    for name, cuts in (("one", [0, 9_000]), ("many", [0, 1, 8000, 8192, 8500, 9_000])):
        sink = ShardedSink(tmp_path / name, job=JOB, shard_format=kind, types=TYPES)
        with sink, sink.shards.writing(0) as shard:
            for begin, end in pairwise(cuts):
                shard.write(Table({k: v[begin:end] for k, v in whole.columns.items()}))
    assert files(tmp_path / "one") == files(tmp_path / "many")


def test_a_failed_shard_is_absent_and_others_are_complete(tmp_path: Path) -> None:
    import pyarrow  # noqa: F401

    with ShardedSink(tmp_path / "out", job=JOB, types=TYPES) as sink:
        with sink.shards.writing(0) as shard:
            shard.write(table(0, 2))
        before = files(tmp_path / "out")
        with pytest.raises(ZeroDivisionError), sink.shards.writing(1) as shard:
            shard.write(table(1 // 0, 2))
        assert sink.complete_shards == {0}
    assert files(tmp_path / "out") == before


@pytest.mark.parametrize("resume", [False, True])
def test_a_directory_of_another_job_is_not_changed(tmp_path: Path, resume: bool) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    pretender = tmp_path / "pretender"
    pretender.mkdir()
    (pretender / "_job.json").write_text("not one of ours")
    namesake = tmp_path / "namesake"
    namesake.mkdir()
    (namesake / "_job.json").write_text('{"task": 1}')
    older = tmp_path / "older"
    older.mkdir()
    (older / "_job.json").write_text('{"form": "npy", "job": {"model": "tiny"}}')
    other = ShardedSink(tmp_path / "other", job={**JOB, "model": "large"}, shard_format="npy")
    with other, other.shards.writing(0) as shard:
        shard.write(table(0, 2))
    (tmp_path / "file").write_text("mine")
    for name, message in {
        "foreign": r"foreign' holds 'thesis\.txt'.*\[output-taken\]",
        "pretender": r"pretender' holds a _job\.json of another program.*\[output-taken\]",
        "namesake": r"another program; it has no key 'shard_format'.*\[output-taken\]",
        "older": r"another version of albertkit; it has no key 'shard_format'.*\[output-taken\]",
        "other": r"another job; model was \"large\" there, and is \"tiny\" now.*\[output-taken\]",
        "file": r"file' is a file.*\[output-taken\]",
    }.items():
        path = tmp_path / name
        before = files(path) if path.is_dir() else {}
        with pytest.raises(InputError, match=message):
            ShardedSink(path, job=JOB, shard_format="npy", resume=resume)
        assert (files(path) if path.is_dir() else {}) == before


@pytest.mark.parametrize("resume", [False, True])
def test_a_directory_without_shards_can_be_used_by_any_job(tmp_path: Path, resume: bool) -> None:
    path = tmp_path / "out"
    ShardedSink(path, job={**JOB, "model": "large"}, shard_format="npy").close()
    for name in ("_invalid-00000.jsonl", "_ranges.npy", ".part-00000.npy.tmp-77-0badcafe"):
        (path / name).write_bytes(b"of a run that was killed")
    with ShardedSink(path, job=JOB, shard_format="jsonl", resume=resume) as sink:
        assert set(files(path)) == {"_job.json", ".lock"}
        assert json.loads((path / "_job.json").read_text())["job"] == JOB
        with sink.shards.writing(0) as shard:
            shard.write(table(0, 2))
    with pytest.raises(InputError, match=r"\[output-taken\]"):
        ShardedSink(path, job={**JOB, "model": "large"}, shard_format="jsonl", resume=resume)


def test_other_files_in_a_job_directory_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "out"
    ShardedSink(path, job={**JOB, "model": "large"}, shard_format="npy").close()
    (path / "_notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"another job.*\[output-taken\]"):
        ShardedSink(path, job=JOB, shard_format="npy")
    ShardedSink(path, job={**JOB, "model": "large"}, shard_format="npy", resume=True).close()


def test_the_same_job_twice_is_refused_without_resume(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "out"
    with (
        ShardedSink(path, job=JOB, shard_format="npy", resume=True) as sink,
        sink.shards.writing(1) as shard,
    ):
        shard.write(table(0, 2))
    (path / ".part-00000.npy.tmp-77-0badcafe").write_bytes(b"of a run that was killed")
    (path / ".mine.tmp-77-0badcafe").write_bytes(b"of somebody else")
    before = files(path)
    with pytest.raises(InputError, match=r"holds this job already.*--resume.*\[output-exists\]"):
        ShardedSink(path, job=JOB, shard_format="npy")
    assert files(path) == before
    with pytest.raises(
        InputError, match=r"shard_rows was 100000 there, and is 7 now.*\[output-taken\]"
    ):
        ShardedSink(path, job=JOB, shard_format="npy", shard_rows=7, resume=True)
    with ShardedSink(path, job=JOB, shard_format="npy", resume=True) as sink:
        assert sink.complete_shards == {1}
    del before[".part-00000.npy.tmp-77-0badcafe"]
    assert files(path) == before


@pytest.mark.parametrize("kind", ["parquet", "arrow", "npy", "jsonl"])
def test_a_truncated_shard_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    if kind in ("parquet", "arrow"):
        import pyarrow  # noqa: F401
    with ShardedSink(tmp_path, job=JOB, shard_format=kind, types=TYPES) as sink:
        for number in (0, 1, 2):
            with sink.shards.writing(number) as shard:
                shard.write(table(0, 2))
        whole = (tmp_path / f"part-00001.{kind}").read_bytes()
        (tmp_path / f"part-00001.{kind}").write_bytes(whole[:-3])
        (tmp_path / f"part-00002.{kind}").write_bytes(b"")
        assert sink.complete_shards == ({0, 2} if kind == "jsonl" else {0}), (
            "no lines are lines, too"
        )
    assert f"part-00001.{kind} is truncated" in caplog.text


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    other = f"""
from albertkit.tables import ShardedSink
ShardedSink({str(tmp_path / "out")!r}, job={JOB!r}, shard_format="npy", resume=True)
print("held", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", other], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(ResourceError, match=r"another process writes.*\[output-busy\]"):
            ShardedSink(tmp_path / "out", job=JOB, shard_format="npy", resume=True)
        process.kill()
    ShardedSink(tmp_path / "out", job=JOB, shard_format="npy", resume=True).close()


def test_an_unknown_shard_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'csv'.*parquet, arrow, npy.*\[output-format-unknown\]"):
        ShardedSink(tmp_path / "out", job=JOB, shard_format="csv")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["parquet", "npy", "jsonl.gz"])
def test_a_full_disk_is_one_line_and_the_job_resumes_later(tmp_path: Path, kind: str) -> None:
    if kind == "parquet":
        import pyarrow  # noqa: F401
    big = Table({"vector": np.random.default_rng(0).normal(size=(2000, 32)).astype(np.float32)})
    with ShardedSink(tmp_path / "out", job=JOB, shard_format=kind) as sink:
        with sink.shards.writing(0) as shard:
            shard.write(Table({"vector": big.columns["vector"][:10]}))
        before = files(tmp_path / "out")
        with (
            pytest.raises(ResourceError, match=r"File too large.*\[write-failed\]") as caught,
            limit_file_size(100_000),
            sink.shards.writing(1) as shard,
        ):
            shard.write(big)
        assert "\n" not in str(caught.value)
        assert files(tmp_path / "out") == before
    with ShardedSink(tmp_path / "out", job=JOB, shard_format=kind, resume=True) as sink:
        assert sink.complete_shards == {0}
        with sink.shards.writing(1) as shard:
            shard.write(big)
        assert sink.complete_shards == {0, 1}


def test_a_job_can_be_killed_at_any_line(tmp_path: Path) -> None:
    done = run_script(Path(__file__).with_name("killed_anywhere.py"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 150


WRITES_FOR_EVER = """
import sys, numpy as np
from albertkit.tables import ShardedSink, Table
with ShardedSink(sys.argv[1], job={}, resume=True) as sink:
    for number in range(3000):
        if number not in sink.complete_shards:
            with sink.shards.writing(number) as shard:
                for part in range(20):
                    shard.write(Table({"vector": np.full((500, 16), number, np.float32)}))
            print(number, flush=True)
"""


def test_a_job_can_be_killed_at_any_moment(tmp_path: Path) -> None:
    from pyarrow import parquet

    luck = random.Random(0)
    finished: frozenset[int] = frozenset()
    for _ in range(3):
        process = start_command([sys.executable, "-c", WRITES_FOR_EVER, tmp_path])
        assert process.stdout is not None
        assert process.stdout.readline() == f"{len(finished)}\n".encode(), "goes on where it was"
        time.sleep(luck.uniform(0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        with ShardedSink(tmp_path, job={}, resume=True) as sink:
            finished = sink.complete_shards
        assert finished == set(range(len(finished)))
        for number in finished:
            vectors = parquet.read_table(tmp_path / f"part-{number:05d}.parquet")["vector"]
            assert len(vectors) == 10_000
            assert set(vectors[-1].as_py()) == {number}
        assert not [path for path in tmp_path.iterdir() if ".tmp-" in path.name]


def test_a_removed_directory_is_one_line(tmp_path: Path) -> None:
    with ShardedSink(tmp_path / "out", job=JOB, shard_format="npy") as sink:
        shutil.rmtree(tmp_path / "out")
        with pytest.raises(ResourceError, match=r"out' could not be read.*\[file-unreadable\]"):
            assert sink.complete_shards


def test_a_job_with_file_names_that_are_not_utf8_resumes(tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff.txt")
    job: dict[str, JsonValue] = {"inputs": [{"name": odd, "bytes": 3}]}
    with (
        ShardedSink(tmp_path / "out", job=job, shard_format="npy") as sink,
        sink.shards.writing(0) as shard,
    ):
        shard.write(EMPTY)
        shard.invalid.add([replace(BAD, file=odd)])
    with ShardedSink(tmp_path / "out", job=job, shard_format="npy", resume=True) as sink:
        assert sink.complete_shards == {0}
    listed = json.loads((tmp_path / "out" / "_invalid-00000.jsonl").read_text())
    assert listed["file"] == odd


def test_a_directory_without_permission_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AlbertKitError, match=r"could not be written.*\[write-failed\]"):
        ShardedSink(tmp_path / "file" / "out", job=JOB, shard_format="npy")
