"""The page's figures are what its commands print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from albertkit.tables import find_inputs, read_texts

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^`python (benchmarks/scale_arithmetic\.py .*)`$", PAGE, re.MULTILINE)


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) == 2


def test_the_pages_code_makes_a_file_that_tells_how_many_rows_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("texts.csv").write_text('id,body\n1,"two\nlines"\n2,one\n', encoding="utf-8")
    exec(compile(block, "a page", "exec"), {})  # noqa: S102 - our own pages
    assert find_inputs("texts.parquet").rows == 2
    assert list(read_texts("texts.parquet", column="body")) == ["two\nlines", "one"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_shows_what_its_command_prints(command: str) -> None:
    printed = subprocess.run(
        [sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert f"`python {command}`\n\n{printed}" in PAGE
