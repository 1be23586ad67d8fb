"""Using OpenVINO through our package starts no process, sends nothing and writes nothing."""

from __future__ import annotations

from pathlib import Path

import openvino  # noqa: F401 - the plain half lacks it
import pytest
from tests.support.watched import run_watched

OURS = """
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import pack, plan
from albertkit.engine.protocol import OutputRequest
from tests.support.axes import CONFIG, random_encodings, random_weights
config = CONFIG
texts = random_encodings(config, [3, 5])
for layout in plan(texts.lengths):
    engine = OpenVinoEngine(random_weights(config))
    outputs = engine.run(pack(texts, layout), OutputRequest(tokens=True))
assert outputs.tokens.shape == (8, 32)
assert "openvino_telemetry" not in sys.modules
"""


def test_nothing_leaves_the_process(tmp_path: Path) -> None:
    done = run_watched(OURS, tmp_path)
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
    assert run_watched(act, tmp_path).returncode == 3
