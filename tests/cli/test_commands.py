"""The list of verbs, which knows them without importing them, says what their files say."""

from __future__ import annotations

from importlib import import_module
from inspect import getdoc

import pytest

from albertkit.cli.commands import VERBS, Verb
from albertkit.cli.main import run


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verbs_line_is_the_first_of_its_help(verb: Verb) -> None:
    function = getattr(import_module(f"albertkit.cli.{verb.file}"), verb.function)
    assert (getdoc(function) or "").splitlines()[0] == verb.short_help


def test_no_line_is_cut_in_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])
    shown = capsys.readouterr().out
    assert [verb.name for verb in VERBS if f"  {verb.short_help}\n" not in shown] == []


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_shows_its_own_help_by_both_names(
    verb: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    for option in ("-h", "--help"):
        assert run([str(verb.name), option]) == 0
        asked.append(capsys.readouterr().out)
    assert asked[0] == asked[1]
    assert asked[0].startswith(f"Usage: albertkit {verb.name} ")
