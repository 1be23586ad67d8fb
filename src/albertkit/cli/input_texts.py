"""The texts that a command is about: its arguments, files, or standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit import tables
from albertkit.cli.options import InputKind
from albertkit.errors import InputError

if TYPE_CHECKING:
    from albertkit.tables import Inputs
    from albertkit.tables.formats import Kind

STANDARD_INPUT = "-"


def texts_of(
    arguments: Sequence[str] | None,
    files: Sequence[Path] | None,
    column: str | None,
    kind: InputKind | None,
) -> list[str]:
    """The texts of all that is named; raises as `named_in_order` and `read_texts` do."""
    places = list(map(str, files or ()))
    told: Kind | None = kind.value if kind else None
    texts: list[str] = []
    for named in named_in_order(arguments or (), places, column, told):
        texts += [named] if isinstance(named, str) else tables.read_texts(named, column=column)
    if not texts:
        raise no_text()
    return texts


def named_in_order(
    arguments: Sequence[str], files: Sequence[str], column: str | None, kind: Kind | None
) -> list[str | Inputs]:
    """Texts that are arguments, and what else is named, looked at: arguments first.

    "-" is standard input, and so is nothing, unless that is a keyboard. column, kind: what is said
    of all that is no argument.
    Raises InputError [texts-missing], [text-empty] for an empty argument, [column-missing], [usage]
    where nothing is read that these are said of, and as `find_inputs` does.
    """
    if not arguments and not files:
        arguments = piped()
    named: list[str | list[str]] = []
    for number, argument in enumerate(arguments):
        if argument == STANDARD_INPUT:
            named.append([argument])
        elif argument.strip():
            named.append(argument)
        else:
            raise _empty_argument(number, argument)
    if files:
        named.append(list(files))
    if all(isinstance(each, str) for each in named):
        _refuse_unread(column, kind)
        return [each for each in named if isinstance(each, str)]
    from albertkit.tables.readers.inputs import check_lines_without_column

    found = [
        each if isinstance(each, str) else tables.find_inputs(each, kind=kind)
        for each in _joined(named)
    ]
    check_lines_without_column(
        [file for each in found if not isinstance(each, str) for file in each.files], column
    )
    return found


def _joined(named: Sequence[str | list[str]]) -> list[str | list[str]]:
    """With places that follow one another as one."""
    joined: list[str | list[str]] = []
    for each in named:
        if isinstance(each, list) and joined and isinstance(joined[-1], list):
            joined[-1] += each
        else:
            joined.append(each)
    return joined


def _refuse_unread(column: str | None, kind: Kind | None) -> None:
    given = {"--column": column, "--input-format": kind}
    for option in (option for option, value in given.items() if value is not None):
        raise InputError(
            "usage",
            f"{option} is given, and all texts are arguments",
            why="it says how files and pipes are read",
            fix=f"Give --input FILE, or leave {option} out",
        )


def no_text() -> InputError:
    """What is said where there is nothing to work on."""
    return InputError(
        "texts-missing",
        "there is no text",
        why="none was given, or what was read is empty",
        fix='Give texts as "arguments", by --input FILE, or in a pipe',
    )


def _empty_argument(number: int, argument: str) -> InputError:
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
