"""The list of formats says what each says itself, and a place imports only what it may be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.tiny_models import save_tiny

from albertkit.checkpoints import FORMATS
from albertkit.checkpoints.registry import LazyFormat


def module_of(entry: LazyFormat) -> str:
    return entry.source.partition(":")[0].removeprefix("albertkit.checkpoints.")


@pytest.mark.parametrize("listed", FORMATS, ids=lambda each: each.name)
def test_a_listed_format_has_its_name_in_its_file(listed: LazyFormat) -> None:
    assert listed.load().name == listed.name


def test_a_place_imports_only_the_formats_that_its_files_allow(tmp_path: Path) -> None:
    path = save_tiny(tmp_path / "model")
    look = (
        "import sys; from pathlib import Path; from albertkit.checkpoints import format_of;"
        "print(format_of(Path(sys.argv[1]))[0].name);"
        "print(*(name for name in sys.modules if name.startswith('albertkit.checkpoints.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", look, path], capture_output=True, text=True, check=True
    )
    name, modules = done.stdout.splitlines()
    assert name == "huggingface"
    imported = {module.removeprefix("albertkit.checkpoints.") for module in modules.split()}
    assert imported & {module_of(entry) for entry in FORMATS} == {
        "bert.format",  # config.json decides between BERT and ALBERT
        "huggingface.format",
        "sentence_transformers.format",
    }
