"""docs/embedding.md shows what its command prints, and the measured memory is flat."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")


def test_the_page_shows_the_figures_of_its_command() -> None:
    (command,) = re.findall(r"^`python (benchmarks/million_lines\.py .* --table)`$", PAGE, re.M)
    printed = subprocess.run(
        [sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert f"`python {command}`\n\n{printed}\n" in PAGE


def test_memory_was_flat_over_a_million_lines() -> None:
    figures = json.loads((ROOT / "benchmarks" / "million_lines.json").read_text())
    assert [run["lines"] for run in figures] == [1_000_000] * len(figures)
    assert all(run["later_peak_mb"] <= 1.1 * run["warm_up_peak_mb"] for run in figures)
