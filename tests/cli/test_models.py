"""`albertkit models` prints the catalogue, and says what to do with a name that it lacks."""

from __future__ import annotations

import json

import pytest

from albertkit.cli.main import run
from albertkit.sources.catalogue import find_models, read_catalogue


def test_a_pipe_gets_all_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["model"] for row in rows] == [model.name for model in read_catalogue()]
    assert rows[0]["command"] == 'albertkit embed -m small-en-vectors "a text"'
    assert {row["licence"] for row in rows} >= {"Apache-2.0", "MIT", "not stated"}


def test_the_list_is_filtered(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--for", "words", "-l", "zh", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["model"] for row in rows] == [model.name for model in find_models("words", "zh")]


@pytest.mark.parametrize("purpose", ["vectors", "words"])
def test_a_terminal_of_80_columns_shows_whole_names(
    purpose: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "--for", purpose, "--format", "table"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    shown = [line.split()[0] for line in lines[2:] if "/" in line or line.startswith("small")]
    assert shown == [model.name for model in read_catalogue() if model.purpose == purpose]


def test_one_model_has_a_line_for_each_fact(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "albert-base-v2", "--format", "table"]) == 0
    out = capsys.readouterr().out
    assert "SQuAD 2.0: 82.1/79.3" in out
    assert "google-research/albert README" in out
    assert "11.7 M" in out
    assert 'albertkit fill-mask -m albert/albert-base-v2 "' in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["albret-base-v2"], "did you mean 'albert-base-v2'?"),
        (["--language", "vi"], "no listed model is for the language 'vi'"),
        (["--for", "answers"], "'answers' is not one of 'vectors', 'words'"),
        (["small-en", "--for", "vectors"], "a name and --for or --language are given"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
    assert shown.err.count("\n") == 1
