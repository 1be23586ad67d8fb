"""Signals after engines of OpenVINO were closed, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = "openvino_library.py"
SCRIPT = """
import gc, os, signal
from albertkit.engine.packing import compute_text_vectors
from albertkit.runtime import LoadOptions, open_model

def compute():
    model = open_model("small-en-vectors", LoadOptions(engine="openvino"))
    encodings = model.tokenizer.encode_batch(["a text"], max_length=8)
    compute_text_vectors(model.engine_for(encodings), encodings, "mean")
    return model

models = [compute(), compute()]
while models:  # the one that was made first is freed first
    models.pop(0).close()
    gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("the handler ran"))
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_is_handled_after_engines_were_closed_in_any_order() -> None:
    import openvino  # noqa: F401 - the plain half lacks it

    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.returncode) == ("the handler ran\n", 0), result.stderr


def test_nothing_else_makes_a_core() -> None:
    """A test that makes one leaves a freed signal stack to all tests after it."""
    files = [path for top in ("src", "tests") for path in (ROOT / top).rglob("*.py")]
    call = "Core" + "()"
    assert [p.name for p in files if call in p.read_text(encoding="utf-8")] == [HOME]
