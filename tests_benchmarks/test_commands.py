"""Every benchmark can be begun, and what the pages name is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMANDS = sorted((ROOT / "benchmarks").glob("*.py"))
# Those that say "pip install" ask for what no other use of the package needs.
HERE = [path for path in COMMANDS if "pip install" not in path.read_text(encoding="utf-8")]
NAMED = re.compile(r"\bbenchmarks/(\w+\.py)")


@pytest.mark.parametrize("path", HERE, ids=lambda path: path.name)
def test_a_benchmark_finds_all_that_it_imports(path: Path) -> None:
    """A private name that moved would else be missed until somebody measures."""
    try:
        importlib.import_module(path.stem)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] in {"albertkit", "race", *(p.stem for p in COMMANDS)}:
            raise
        pytest.skip(f"{error.name} is not installed")


def test_a_benchmark_that_a_page_or_a_comment_names_is_there() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "src").rglob("*.py")]
    named = {name for page in pages for name in NAMED.findall(page.read_text(encoding="utf-8"))}
    assert named <= {path.name for path in COMMANDS}
    assert "tried.py" in named
