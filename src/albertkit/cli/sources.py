"""The texts that a command is about: its arguments, files, or standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from albertkit.errors import InputError

STANDARD_INPUT = "-"


def texts_of(
    arguments: Sequence[str] | None, files: Sequence[Path] | None, column: str | None
) -> list[str]:
    """The texts in the order in which they are named, arguments first.

    Without any, the lines of standard input, unless that is a terminal. Raises InputError
    [texts-missing], [text-empty] for an empty argument, and as `read_texts` does.
    """
    from albertkit.rows import read_texts

    named = list(arguments or []) + [str(file) for file in files or []]
    if not named and not sys.stdin.isatty():
        arguments = [STANDARD_INPUT]
    texts: list[str] = []
    for number, argument in enumerate(arguments or []):
        if argument == STANDARD_INPUT:
            texts += read_texts(STANDARD_INPUT, column=column)
        elif argument.strip():
            texts.append(argument)
        else:
            raise empty_argument(number, argument)
    for file in files or []:
        texts += read_texts(file, column=column)
    if not texts:
        raise InputError(
            "texts-missing",
            "there is no text",
            why="none was given, or what was read is empty",
            fix='Give texts as "arguments", by --input FILE, or in a pipe',
        )
    return texts


def empty_argument(number: int, argument: str) -> InputError:
    """What is said of an argument without a text in it."""
    return InputError(
        "text-empty",
        f"text {number} is {argument!r}",
        why="an empty text says nothing",
        fix="Give a text, or leave the argument out",
    )
