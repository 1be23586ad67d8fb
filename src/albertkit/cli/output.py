"""Results to standard output or to a file: a table for people, JSON lines or CSV for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit import tables
from albertkit.cli.options import Form
from albertkit.errors import InputError, ResourceError
from albertkit.errors.wording import count_noun

if TYPE_CHECKING:
    from albertkit.tables import Table


def check_options(form: Form | None, output: Path | None) -> None:
    """Raise what is wrong with these two before anything is computed."""
    if output is None:
        return
    if form is not None:
        raise InputError(
            "usage",
            "both --format and --output are given",
            why="a file's kind is what its name ends in",
            fix="Leave --format out",
        )
    tables.check_output(output)


def give(
    table: Table,
    form: Form | None,
    output: Path | None,
    *,
    on_screen: Callable[[], str] | None = None,
) -> None:
    """Print the table or write it to a file.

    on_screen: makes what a person sees, where that is not the table itself.
    """
    from albertkit.cli.screen import drawn

    if output is not None:
        tables.write_table(table, output)
        print(f"{count_noun(len(table), 'row')} written to {output}", file=sys.stderr)
        return
    with to_standard_output():
        match form or (Form.TABLE if sys.stdout.isatty() else Form.JSONL):
            case Form.JSONL:
                tables.write_jsonl(table, sys.stdout)
            case Form.CSV:
                tables.write_csv(table, sys.stdout)
            case Form.TABLE:
                print(on_screen() if on_screen else drawn(table))


@contextmanager
def to_standard_output() -> Iterator[None]:
    """A reader such as `head` may close the pipe when it has what it wanted.

    Raises ResourceError [write-failed] for any other failure.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_the_rest()
    except OSError as error:
        _drop_the_rest()
        raise ResourceError(
            "write-failed",
            f"standard output could not be written: {error.strerror or error}",
            why="what came before is there, the rest is not",
            fix="Free space on its disk, or write with --output, which is whole or not at all",
        ) from error


def _drop_the_rest() -> None:
    """What is still in the buffer must go somewhere when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
