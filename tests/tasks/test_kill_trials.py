"""A job that is killed at any moment ends, taken up again, with the bytes of an undisturbed one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.tiny_models import save_tiny_vectors

from albertkit.spec.pooling_config import PoolingConfig

TRIALS = Path(__file__).parents[2] / "benchmarks" / "kill_trials.py"


@pytest.mark.parametrize(
    "kind",
    [["--vectors", "int8", "-f", "npy"], ["--chunk", "8", "--overlap", "2", "-f", "jsonl"]],
    ids=["int8", "parts"],
)
def test_kill_9_leaves_nothing_but_whole_shards(kind: list[str], tmp_path: Path) -> None:
    model = save_tiny_vectors(tmp_path / "model", PoolingConfig(max_length=20))
    command = [sys.executable, str(TRIALS), "--trials", "2", "--texts", "500", "--seed", "1"]
    options = ["--", "--model", str(model), "--engine", "numpy", *kind]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "all bytes the same" in done.stdout
    assert " 0 kills" not in done.stdout
