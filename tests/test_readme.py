"""Every block of the README runs, and prints what it says; those of two pages of docs/ too."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
ENGINES = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
EMBEDDING = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README + ENGINES + EMBEDDING, re.DOTALL)
CONSOLE = [text for kind, text in BLOCKS if kind == "console"]


def test_every_block_is_of_a_kind_that_is_run() -> None:
    assert {kind for kind, _ in BLOCKS} <= {"python", "console", "sh"}
    assert PYTHON
    assert CONSOLE


@pytest.mark.parametrize("block", PYTHON, ids=lambda text: text.splitlines()[0])
def test_a_python_block_runs_and_prints_its_comments(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A comment `# → text` says what the line before prints."""
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "a page", "exec"), {})  # noqa: S102 - our own pages
    said = re.findall(r"# → (.*)", block)
    assert capsys.readouterr().out.split("\n")[:-1] == said


@pytest.mark.parametrize("block", CONSOLE, ids=lambda text: text.splitlines()[0])
def test_a_console_block_prints_what_it_shows(block: str, tmp_path: Path) -> None:
    """Lines that begin with `$ albertkit` are run; what follows is their output."""
    bin_dir = Path(sys.executable).parent
    for command, output in re.findall(
        r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE
    ):
        command_line = command.replace("\\\n", " ")
        if command_line.startswith("make run"):
            recipe = (
                (ROOT / "Makefile").read_text().split("run: $(PLAIN)/done\n")[1].split("\n\n")[0]
            )
            command_line = (
                recipe.replace("\\\n", " ").replace("\t", "").replace("@$(PLAIN)/bin/", "")
            )
        elif not re.match(r"(echo .*\| )?albertkit ", command_line):
            continue
        shown = subprocess.run(
            ["bash", "-ec", command_line],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
            env={"PATH": f"{bin_dir}:/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "100"},
        )
        assert shown.stderr == ""
        assert shown.returncode == 0, shlex.quote(command_line)
        if output.strip():
            assert shown.stdout.rstrip() == output.rstrip()
