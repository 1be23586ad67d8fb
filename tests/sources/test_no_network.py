"""Nothing asks a network that no name asked for: sockets are refused under the verbs and calls."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

# An audit hook sees every socket of the process that Python code makes, however it was imported.
REFUSED = """
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise AssertionError(f"{event} {arguments}")
sys.addaudithook(refuse)
"""
VERBS = """
from pathlib import Path
from albertkit.cli.main import run
for line in (
    ["embed", "a text", "another"],
    ["embed", "a text", "--engine", "numpy"],
    ["similarity", "a text", "another"],
    ["fill-mask", "a [MASK]"],
    ["tokens", "a text"],
    ["inspect", "small-en"],
    ["convert", "small-en", "copy", "--to", "huggingface"],
    ["verify", "small-en", "copy"],
    ["inspect", "no-such-model"],
):
    print(line[0], run(line), file=sys.stderr)
"""
CALLS = """
import albertkit
from albertkit import (
    AlbertConfig, AlbertForMaskedLM, AlbertModel, AlbertTokenizer, FillMask, TextEmbedder, load
)
one = load("small-en")
one.engine_for(one.tokenizer.encode_batch(["a text"]))
TextEmbedder().encode(["a text", "another"])
FillMask()("a [MASK]")
tokenizer = AlbertTokenizer.from_pretrained("small-en")
tokenizer.save_pretrained("tokenizer")
model = AlbertForMaskedLM.from_pretrained("small-en")
model.save_pretrained("model")
AlbertModel.from_pretrained("model")(tokenizer(["a text"], return_tensors="pt")["input_ids"])
albertkit.load("model")
for name in sorted(albertkit.__all__):
    getattr(albertkit, name)
print("done")
"""


@pytest.mark.parametrize("work", [VERBS, CALLS], ids=["verbs", "calls"])
def test_commands_and_calls_with_local_models_open_no_socket(work: str, tmp_path: Path) -> None:
    if work is CALLS:
        importlib.import_module("torch")  # the process asks for all public names
    home, path = tmp_path / "home", tmp_path / "place"
    home.mkdir()
    path.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", REFUSED + work],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        cwd=path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if work is VERBS:
        lines = [line for line in done.stderr.splitlines() if line[-2:] in (" 0", " 1", " 2", " 3")]
        assert [line.split()[1] for line in lines] == ["0"] * 8 + ["2"]
    assert list(home.iterdir()) == []


def test_the_refusal_works(tmp_path: Path) -> None:
    work = 'import albertkit; albertkit.load("albert/albert-base-v2")'
    done = subprocess.run(
        [sys.executable, "-c", REFUSED + work],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "AssertionError: socket." in done.stderr
