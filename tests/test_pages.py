"""Every code block of the README and of docs/ runs, and prints what the page shows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.native import HAS_NATIVE
from tests.support.tiny_heads import save_head

ROOT = Path(__file__).resolve().parents[1]
# Their code runs in tests_integrations and tests_databases.
WITH_OTHER_LIBRARIES = ("integrations.md", "vector-databases.md")
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "docs").glob("*.md") if page.name not in WITH_OTHER_LIBRARIES),
]
BLOCKS = [
    pytest.param(kind, text, id=f"{page.name}: {text.splitlines()[0]}")
    for page in PAGES
    for kind, text in re.findall(r"```(\w*)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
]
PYTHON = [block for block in BLOCKS if block.values[0] == "python"]
CONSOLE = [block for block in BLOCKS if block.values[0] == "console"]


HEADS = {  # a model with random weights, for pages that show how one of the user's is called
    "./my-classifier": "sequence_classification",
    "./my-tagger": "token_classification",
    "./my-answerer": "question_answering",
    "./my-chooser": "multiple_choice",
}


@pytest.fixture(autouse=True)
def files_of_the_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Run in an empty directory with the table and the models that the pages read."""
    monkeypatch.chdir(tmp_path)
    params = getattr(request.node, "callspec", None)
    block = params.params.get("block", "") if params else ""
    for name, head in HEADS.items():
        if name in block:
            save_head(tmp_path / name, head)
    (tmp_path / "texts.csv").write_text('id,body\n1,"two\nlines"\n2,one\n', encoding="utf-8")


@pytest.mark.parametrize(
    ("page", "constraints"),
    [
        ("integrations.md", "constraints-integrations.txt"),
        ("vector-databases.md", "constraints-databases.txt"),
    ],
)
def test_the_versions_of_a_page_are_those_that_are_tested(page: str, constraints: str) -> None:
    """A table's row has a package's name and a version in its first two columns."""
    rows = re.findall(
        r"^\| (\S+).*? \| ([\d.]+) \|", (ROOT / "docs" / page).read_text("utf-8"), re.MULTILINE
    )
    installed = "".join((ROOT / name).read_text() for name in (constraints, "constraints.txt"))
    assert len(rows) > 7
    for package, version in rows:
        assert f"\n{package}=={version}\n" in installed


def test_the_readme_has_at_most_150_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize(("kind", "block"), PYTHON)
def test_a_python_block_runs_and_prints_its_comments(
    kind: str, block: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A comment `# → text` says what the line before prints."""
    if "int8" in block and not HAS_NATIVE:
        pytest.skip("the native engine is not installed: `make build` builds it")
    exec(compile(block, "a page", "exec"), {})  # noqa: S102 - our own pages
    expected = re.findall(r"# → (.*)", block)
    assert capsys.readouterr().out.split("\n")[:-1] == expected


@pytest.mark.parametrize(("kind", "block"), CONSOLE)
def test_a_console_block_prints_what_it_shows(kind: str, block: str, tmp_path: Path) -> None:
    """Run lines that begin with `$ albertkit`; the lines after them are their output."""
    bin_dir = Path(sys.executable).parent
    for command, output in re.findall(
        r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE
    ):
        command_line = command.replace("\\\n", " ")
        if command_line.startswith("make run"):
            recipe = (ROOT / "Makefile").read_text().split("run: $(PLAIN)/done\n")[1]
            lines = re.sub(r"^\t@?", "", recipe.split("\n\n")[0], flags=re.MULTILINE)
            command_line = lines.replace("\\\n", " ").replace("$(PLAIN)/bin/", "")
        elif not re.match(r"printf |(echo .*\| )?albertkit ", command_line):
            continue
        shown = subprocess.run(
            ["bash", "-ec", command_line],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
            env={"PATH": f"{bin_dir}:/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "100"},
        )
        warnings = shown.stderr.splitlines()
        if not HAS_NATIVE:  # what replaces the native engine is printed
            warnings = [line for line in warnings if "[engine-replaced]" not in line]
        assert warnings == []
        assert shown.returncode == 0, shlex.quote(command_line)
        if output.strip():
            assert shown.stdout.rstrip() == output.rstrip()
