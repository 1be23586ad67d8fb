"""Importing and using OpenVINO through our one door forks nothing, calls nobody, writes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# The audit hook ends the process at the first event that could reach the world outside.
WATCHED = """
import os, sys
def refuse(event, arguments):
    if event.startswith("socket.") or event in ("os.fork", "os.forkpty", "os.posix_spawn",
                                                "os.system", "subprocess.Popen"):
        sys.stderr.write(f"{event} {arguments}\\n")
        os._exit(3)
sys.addaudithook(refuse)
"""
OURS = """
from albertkit.engine.openvino_engine import OpenVinoEngine
from albertkit.engine.packing import pack, plan
from albertkit.engine.protocol import Wanted
from axes import CONFIG_AXES, random_encodings, random_weights
config = CONFIG_AXES[0].values[0]
texts = random_encodings(config, [3, 5])
for layout in plan(texts.lengths):
    outputs = OpenVinoEngine(random_weights(config)).run(pack(texts, layout), Wanted(tokens=True))
assert outputs.tokens.shape == (8, 32)
assert "openvino_telemetry" not in sys.modules
"""


def run_in_empty_home(program: str, home: Path) -> subprocess.CompletedProcess[str]:
    variables = {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[1])}
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", WATCHED + program],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_nothing_leaves_the_process(tmp_path: Path) -> None:
    done = run_in_empty_home(OURS, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    "act",
    [
        "import socket; socket.socket()",
        "import subprocess; subprocess.run(['true'])",
        "os.fork()",
    ],
)
def test_the_watch_sees_what_it_is_there_for(act: str, tmp_path: Path) -> None:
    assert run_in_empty_home(act, tmp_path).returncode == 3
