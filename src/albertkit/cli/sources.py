"""The texts that a command is about: its arguments, files, or standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from albertkit.cli.options import InputKind
from albertkit.errors import InputError

STANDARD_INPUT = "-"


def texts_of(
    arguments: Sequence[str] | None,
    files: Sequence[Path] | None,
    column: str | None,
    kind: InputKind | None,
) -> list[str]:
    """The texts in the order in which they are named, arguments first.

    Without any, what is piped in. Raises InputError [texts-missing], [text-empty] for an empty
    argument, and as `find_inputs` and `read_texts` do.
    """
    from albertkit.rows import find_inputs, read_texts

    def read(places: Sequence[str | Path]) -> Iterator[str]:
        found = find_inputs(places, kind=kind.value if kind else None)
        return read_texts(found, column=column)

    named = list(arguments or []) + [str(file) for file in files or []]
    if not named and not sys.stdin.isatty():
        arguments = [STANDARD_INPUT]
    texts: list[str] = []
    for number, argument in enumerate(arguments or []):
        if argument == STANDARD_INPUT:
            texts += read([STANDARD_INPUT])
        elif argument.strip():
            texts.append(argument)
        else:
            raise empty_argument(number, argument)
    if files:
        texts += read(files)
    if not texts:
        raise no_text()
    return texts


def no_text() -> InputError:
    """What is said where there is nothing to work on."""
    return InputError(
        "texts-missing",
        "there is no text",
        why="none was given, or what was read is empty",
        fix='Give texts as "arguments", by --input FILE, or in a pipe',
    )


def empty_argument(number: int, argument: str) -> InputError:
    """What is said of an argument without a text in it."""
    return InputError(
        "text-empty",
        f"text {number} is {argument!r}",
        why="an empty text says nothing",
        fix="Give a text, or leave the argument out",
    )


def piped() -> tuple[str, ...]:
    """Standard input, where nothing else is named and it is no keyboard."""
    if sys.stdin.isatty():
        raise no_text()
    return (STANDARD_INPUT,)
