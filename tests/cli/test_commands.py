"""The list of commands agrees with the files of the commands, which it does not import."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from inspect import getdoc

import pytest

from albertkit.cli.main import COMMANDS, Command, run

all_commands = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


def help_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(arguments) == 0
    return capsys.readouterr().out


@all_commands
def test_a_commands_summary_is_the_first_line_of_its_help(command: Command) -> None:
    function = getattr(
        import_module(f"albertkit.cli.{command.function_name}"), command.function_name
    )
    assert (getdoc(function) or "").splitlines()[0] == command.short_help


def test_no_summary_is_cut_in_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    shown = help_of(capsys, "--help")
    assert [c.name for c in COMMANDS if f"  {c.short_help}\n" not in shown] == []


@all_commands
def test_the_help_of_a_command_has_three_names(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(command.name)
    shown = [help_of(capsys, *words) for words in ([name, "-h"], [name, "--help"], ["help", name])]
    assert shown[0] == shown[1] == shown[2]
    assert shown[0].startswith(f"Usage: albertkit {name} ")


@all_commands
def test_the_example_in_the_help_has_options_that_the_command_takes(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = help_of(capsys, str(command.name), "--help")
    assert f"Example:\n    {command.example}\n" in shown
    program, name, *words = shlex.split(command.example)
    assert (program, name) == ("albertkit", command.name)
    options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", shown.replace(command.example, "")))
    assert {word for word in words if word.startswith("-")} <= options


def test_quiet_leaves_only_errors(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty line among the texts is a warning, a missing model is an error."""
    assert run(["similarity", "a text", "word " * 500]) == 0
    assert "[text-truncated]" in capsys.readouterr().err
    assert run(["similarity", "a text", "word " * 500, "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["tokens", "-q", "a", "-m", "no-such-model"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_warning_and_an_error_begin_with_what_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["similarity", "a text", "word " * 500]) == 0
    assert capsys.readouterr().err.startswith("warning: ")
    assert run(["similarity", "one"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
