"""docs/integrations.md: its code runs here, and its versions are those that are tested."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from albertkit.integrations import HOMES

PAGE = (Path(__file__).parents[1] / "docs" / "integrations.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=[block.splitlines()[0] for block in BLOCKS])
def test_a_block_runs_and_prints_its_comments(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A comment `# → text` says what the line before prints."""
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "a page", "exec"), {})  # noqa: S102 - our own page
    assert capsys.readouterr().out.split("\n")[:-1] == re.findall(r"# → (.*)", block)


def test_the_table_has_the_tested_versions() -> None:
    rows = dict(re.findall(r"^\| ([\w-]+) \| ([\d.]+) \|", PAGE, re.MULTILINE))
    assert len(rows) == 13
    assert rows == {name: version(name) for name in rows}


def test_the_page_names_every_class() -> None:
    assert {name for name in HOMES if f"`{name}" not in PAGE} == {"SpacyVectors"}
