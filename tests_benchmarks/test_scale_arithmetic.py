"""docs/distributed.md shows what its commands print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "distributed.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^`python (benchmarks/scale_arithmetic\.py .*)`$", PAGE, re.MULTILINE)


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_shows_what_its_command_prints(command: str) -> None:
    printed = subprocess.run(
        [sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert f"`python {command}`\n\n{printed}" in PAGE
