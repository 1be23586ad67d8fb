"""The command lines of recipes and of the page about training are understood.

Their runs take hours, so they are parsed, not run: each command and option must exist.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from albertkit.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "recipes").glob("*.sh"))
PAGE = (ROOT / "docs/training.md").read_text(encoding="utf-8")
TEXTS = {
    **{script.name: script.read_text(encoding="utf-8") for script in SCRIPTS},
    "training.md": "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)),
}
LINES = [
    pytest.param(line, id=f"{name}: {line}")
    for name, text in TEXTS.items()
    for line in re.findall(r"^\s*albertkit (.*)", re.sub(r"\\\n\s*", "", text), re.MULTILINE)
]


@pytest.mark.parametrize("line", LINES)
def test_a_shown_command_line_is_understood(line: str) -> None:
    words = shlex.split(re.sub(r'"\$@"|\$resume', "", line))
    command = {command.name: command for command in COMMANDS}[words[0]]
    command.make_context(words[0], words[1:])


def test_each_script_names_its_recipe_and_every_file_it_takes_from_here() -> None:
    models = {"small-en", "small-en-vectors"}
    assert {script.stem for script in SCRIPTS} == {*models, "piece_vectors", "on_gpus"}
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        assert script.stem not in models or f"recipes/{script.stem}.toml" in text
        for path in re.findall(
            r"(?:\.\./\.\./|\$)?((?:benchmarks|recipes)/[\w-]+\.(?:py|toml|sh))", text
        ):
            assert (ROOT / path).is_file()
