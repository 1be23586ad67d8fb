"""The verbs: a line for each in the list of all, and the file that is imported for the one named.

In: a command line's first word. Out: typer's command of that verb. So neither the list nor a verb
waits for the options of all the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


class Verb(TyperCommand):
    """A verb that is not imported yet; `line`: what the list says of it, and its help begins with.

    Its function has its name, in the file of this room that is called `file`.
    """

    def __init__(self, name: str, line: str, file: str | None = None) -> None:
        super().__init__(name, short_help=line)
        self.function = name.replace("-", "_")
        self.file = file or self.function

    def make_context(self, *given: Any, **options: Any) -> Any:
        """Import the verb and let it read its arguments: from here on it stands for this one."""
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        home = import_module(f"albertkit.cli.{self.file}")
        alone.command(self.name)(getattr(home, self.function))
        return get_command(alone).make_context(*given, **options)


VERBS = (
    Verb("embed", "Give a vector for each text."),
    Verb("similarity", "Compare texts, each with each other."),
    Verb("fill-mask", "Give the words that fit a [MASK]."),
    Verb("tokens", "Show the pieces and ids of each text."),
    Verb("inspect", "Show what a model's place holds."),
    Verb("convert", "Write a model in another format, and prove that it is the same."),
    Verb("verify", "Compare two models of any formats."),
    Verb("vocabulary", "Train a SentencePiece vocabulary with ALBERT's flags.", "training"),
    Verb("shard", "Tokenise a corpus for pretraining.", "training"),
    Verb("pretrain", "Pretrain an ALBERT: masked words and sentence order.", "training"),
    Verb("lessons", "Tokenise texts beside their teacher's vectors for distillation.", "training"),
    Verb("distil", "Teach an ALBERT another model's sentence vectors.", "training"),
)


class Verbs(TyperGroup):
    """All verbs, as typer's group of commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for verb in VERBS:
            self.add_command(verb)
