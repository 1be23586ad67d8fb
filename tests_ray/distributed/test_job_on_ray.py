"""A job on a real cluster of two workers writes what one process writes, even if one dies."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet
import pytest
from tests.support.tiny_heads import save_head
from tests_ray.job_alone import ROWS, Alone, files_in

BEING_WRITTEN = re.compile(r"\.part-(\d+)\.parquet\.tmp-(\d+)-")  # shard, process
PATIENCE = 300  # seconds


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty HOME, and no cluster but the job's own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return home


def start_job(alone: Alone, output: Path, *more: str) -> subprocess.Popen[str]:
    """`albertkit embed` on a cluster of its own with two workers."""
    job = alone.job
    return subprocess.Popen(
        [
            *(str(Path(sys.executable).with_name("albertkit")), "embed"),
            *(
                "--input",
                *job.locations,
                "--keep",
                "id",
                "--model",
                job.model,
                "--truncation",
                "off",
            ),
            *("--shard-rows", str(job.shard_rows), "--output", str(output)),
            *("--on", "ray", "--workers", "2", *more),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def writer_of_a_shard(output: Path, run: subprocess.Popen[str]) -> int:
    """A process that has begun to write a shard when another shard is whole."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and run.poll() is None:
        names = [path.name for path in output.iterdir()] if output.is_dir() else []
        if any(name.startswith("part-") for name in names):
            for name in names:
                if match := BEING_WRITTEN.match(name):
                    return int(match[2])
        time.sleep(0.01)
    raise AssertionError(f"nothing was written: {run.communicate()}")


def test_a_worker_killed_during_a_shard_changes_nothing(
    alone: Alone, tmp_path: Path, quiet: Path
) -> None:
    output = tmp_path / "output"
    run = start_job(alone, output)
    os.kill(writer_of_a_shard(output, run), signal.SIGKILL)
    out, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, err
    assert files_in(output) == alone.files
    shards = len(alone.files) - 1  # and the job's own
    table = pyarrow.parquet.read_table(output)
    assert sorted(table["id"].to_pylist()) == list(range(ROWS))
    assert out == ""
    assert err.splitlines()[-1] == f"{ROWS:,} rows in {shards} files written to {output}"
    assert list(quiet.iterdir()) == []  # no token, no statistics


def test_a_run_that_is_killed_is_resumed(alone: Alone, tmp_path: Path, quiet: Path) -> None:
    output = tmp_path / "output"
    run = start_job(alone, output)
    writer_of_a_shard(output, run)
    run.kill()
    run.communicate()
    whole = {path: path.stat().st_mtime_ns for path in output.glob("part-*")}
    run = start_job(alone, output, "--resume")
    _, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, err
    assert files_in(output) == alone.files
    assert {path: path.stat().st_mtime_ns for path in whole} == whole  # none was made again


def test_labels_are_those_of_one_process(tmp_path: Path, quiet: Path) -> None:
    save_head(tmp_path / "model", "sequence_classification")
    texts = [f"the king {number}" for number in range(40)]
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), tmp_path / "texts.parquet")
    command = [
        *(str(Path(sys.executable).with_name("albertkit")), "classify"),
        *("--input", str(tmp_path / "texts.parquet"), "--model", str(tmp_path / "model")),
        *("--shard-rows", "10", "--engine", "numpy", "--output"),
    ]
    subprocess.run([*command, str(tmp_path / "alone")], check=True)
    on_ray = [*command, str(tmp_path / "output"), "--on", "ray", "--workers", "2"]
    subprocess.run(on_ray, check=True, timeout=PATIENCE)
    assert len(files_in(tmp_path / "output")) == 5
    assert files_in(tmp_path / "output") == files_in(tmp_path / "alone")
