"""The example scripts run to their end, as their first lines say, with a built-in model."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
COMMAND = "albertkit convert small-en albert --to tfhub --without sentence_order"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the command of the examples' first lines was run."""
    folder = tmp_path_factory.mktemp("examples")
    program, *arguments = COMMAND.split()
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "parity on 8 texts: max |diff| " in done.stdout
    return folder


def output_of(script: str, folder: Path) -> str:
    path = EXAMPLES / script
    assert COMMAND in path.read_text(encoding="utf-8")
    command = [sys.executable, str(path), "albert"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_article_compares_its_six_sentences(folder: Path) -> None:
    output = output_of("vectorization.py", folder)
    assert "pooled_output (6, 256)" in output
    cosines = [float(x) for x in re.findall(r"-?\d\.\d{3}", output.partition("mean")[2])]
    rows = [cosines[6 * row : 6 * row + 6] for row in range(6)]
    # after itself, the other question is nearest to a question
    assert sorted(range(6), key=rows[4].__getitem__)[-2:] == [5, 4]


def test_the_page_of_tf_hub_is_true(folder: Path) -> None:
    lines = output_of("tfhub_page.py", folder).splitlines()
    assert lines[:3] == [
        "pooled_output (1, 256)",
        "sequence_output (1, 128, 256)",
        "trainable variables 25",
    ]
    assert "input_type_ids [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0]" in lines
    assert "mlm_logits (1, 1, 16000)" in lines
    assert lines[-2].startswith("most probable pieces ['")
    assert lines[-1] == "in Keras 3 (1, 256) 25 weights"
