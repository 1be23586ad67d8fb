"""Results to standard output or to a file: a table for people, JSON or CSV for programs."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit import tables
from albertkit.errors import InputError, ResourceError
from albertkit.errors.exceptions import count_noun

if TYPE_CHECKING:
    from albertkit.cli.destination import PrintFormat
    from albertkit.tables import Table


def check_output(
    print_format: PrintFormat | None,
    output: Path | None,
    inputs: Sequence[str] | None = None,
    *,
    has_matrix: bool = False,
) -> None:
    """Check --format and --output before anything is computed.

    Args:
        print_format: what --format says.
        output: the file.
        inputs: files and directories that are read.
        has_matrix: whether .npy can hold the result.

    Raises:
        InputError: [usage] if both are given; [output-format-unknown]; [output-taken] if the file
            is an input.
    """
    if output is None:
        return
    if print_format is not None:
        raise InputError(
            "usage",
            "both --format and --output are given",
            why="the name of a file decides its format",
            fix="Leave --format out",
        )
    tables.check_output(output)
    tables.check_output_not_input(output, inputs or ())
    if output.suffix.lower() == ".npy" and not has_matrix:
        raise InputError(
            "output-format-unknown",
            f"{str(output)!r} ends in .npy",
            why=".npy holds one array of numbers, and these results are a table",
            fix="Write .jsonl, .csv or .parquet",
        )


def write_result(
    table: Table,
    print_format: PrintFormat | None,
    output: Path | None,
    *,
    for_people: Callable[[], str] | None = None,
) -> None:
    """Print the table, or write it to a file.

    Args:
        table: the result.
        print_format: None: a table on a terminal, JSON lines in a pipe.
        output: the file; None: standard output.
        for_people: makes the text of "table"; None: the table itself, with aligned columns.
    """
    if output is not None:
        tables.write_table(table, output)
        print_status(f"{count_noun(len(table), 'row')} written to {output}")
        return
    with open_standard_output(has_output=True):
        match print_format or ("table" if sys.stdout.isatty() else "jsonl"):
            case "jsonl":
                tables.write_jsonl(table, sys.stdout)
            case "json":
                print(f"[\n{format_json_rows(table)}\n]")
            case "csv":
                tables.write_csv(table, sys.stdout)
            case _:
                from albertkit.cli.screen import draw_table

                print(for_people() if for_people else draw_table(table))


def format_json_rows(table: Table) -> str:
    """The rows as JSON objects with commas between them: the inside of an array."""
    lines = io.StringIO()
    tables.write_jsonl(table, lines)
    return lines.getvalue().rstrip("\n").replace("\n", ",\n")


def print_status(line: str) -> None:
    """Print a line about the work to standard error, unless --quiet is given."""
    if not is_quiet():
        print(line, file=sys.stderr)


def shows_progress() -> bool:
    """Whether a progress bar is drawn: only on a terminal, and not with --quiet."""
    return sys.stderr.isatty() and not is_quiet()


def is_quiet() -> bool:
    """Whether --quiet is given."""
    return not logging.getLogger("albertkit").isEnabledFor(logging.WARNING)


@contextmanager
def open_standard_output(*, has_output: bool = False) -> Iterator[None]:
    """Write to standard output, which a reader such as `head` may close early.

    Args:
        has_output: whether the command can write the same to a file, by --output.

    Raises:
        ResourceError: [write-failed] for any other failure.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_standard_output()
    except OSError as error:
        _discard_standard_output()
        raise ResourceError(
            "write-failed",
            f"standard output could not be written: {error.strerror or error}",
            why="the result is incomplete",
            fix="Free space on the disk, or "
            + (
                "use --output, which writes a whole file or none"
                if has_output
                else "redirect standard output to another one"
            ),
        ) from error


def _discard_standard_output() -> None:
    """Redirect standard output to nowhere, or Python would fail at exit when it flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
