"""Each code is explained, on the command line and on a page."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tests.support.watched import run_watched

from albertkit.cli.main import run
from albertkit.errors.codes import CODES
from albertkit.errors.explanations import FILE, make_page, read_explanations

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"


def test_every_code_has_an_explanation_and_no_other() -> None:
    missing = set(CODES) - set(read_explanations())
    assert missing == set(), f"explain them in {FILE.name}"
    assert set(read_explanations()) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_an_explanation_has_sentences(code: str) -> None:
    explanation = read_explanations()[code]
    for part in (explanation.what, explanation.why, explanation.fix, explanation.example):
        assert part[-1] in ".…", part


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == make_page(), "run: make errors-page"


@pytest.mark.parametrize("name", ["text-truncated", "[text-truncated]", "TEXT-TRUNCATED"])
def test_a_code_is_explained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", name]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("text-truncated (Texts)\n\nTexts were cut to ")
    assert "What to do: Split long texts into parts." in shown


def test_without_a_code_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = {line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "}
    assert listed == set(CODES)
    assert max(map(len, lines)) <= 80


def test_an_unknown_code_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "text-trunkated"]) == 2
    assert "the nearest is 'text-truncated'" in (line := capsys.readouterr().err)
    assert line.endswith("[code-unknown]\n")


def test_an_error_imports_no_explanation(tmp_path: Path) -> None:
    program = (
        "from albertkit.cli.main import run\nassert run(['embed', 'a', '-m', 'no']) == 2\n"
        "print([name for name in sys.modules if name in ('tomllib', 'albertkit.errors.codes',"
        " 'albertkit.errors.explanations')])\n"
    )
    done = run_watched(program, tmp_path)
    assert (done.returncode, json.loads(done.stdout)) == (0, []), sys.version
