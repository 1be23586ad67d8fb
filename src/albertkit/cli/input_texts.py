"""The texts of a command: arguments first, then files, or standard input."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit import tables
from albertkit.errors import Diagnostic, InputError
from albertkit.errors.exceptions import list_names
from albertkit.tables.formats import ReadOptions

if TYPE_CHECKING:
    from albertkit.tables import Inputs

LOGGER = logging.getLogger(__name__)
STANDARD_INPUT = "-"


def read_texts(
    arguments: Sequence[str] | None,
    files: Sequence[str] | None,
    column: str | None,
    read: ReadOptions,
) -> list[str]:
    """All texts of a command; arguments and exceptions as of `find_sources`."""
    texts: list[str] = []
    for source in find_sources(arguments or (), files or (), column, read):
        texts += [source] if isinstance(source, str) else tables.read_texts(source, column=column)
    if not texts:
        raise no_text_error(files or ())
    return texts


def find_sources(
    arguments: Sequence[str], files: Sequence[str], column: str | None, read: ReadOptions
) -> list[str | Inputs]:
    """The texts that are arguments, and the files and pipes to read, in their order.

    Args:
        arguments: texts, or "-" for standard input. Without arguments and files standard input
            is read, unless it is a terminal.
        files: files, directories, or "-".
        column: the column of the texts, in all files.
        read: how all files are read.

    Raises:
        InputError: [texts-missing]; [text-empty] for an empty argument; [usage] for a column or
            format if nothing is read, or if standard input is named twice; [column-missing];
            and as `find_inputs` does.
    """
    if [*arguments, *files].count(STANDARD_INPUT) > 1:
        raise InputError(
            "usage",
            "standard input is named twice",
            why="it can be read only once",
            fix="Name it once",
        )
    if not arguments and not files:
        arguments = use_standard_input()
    sources: list[str | list[str]] = []  # a text, or files that follow one another
    for number, argument in enumerate(arguments, 1):
        if argument == STANDARD_INPUT:
            sources.append([argument])
        elif argument.strip():
            _warn_of_path(argument)
            sources.append(argument)
        else:
            raise _empty_argument_error(number, argument)
    if files:
        sources.append(list(files))
    texts = [source for source in sources if isinstance(source, str)]
    if len(texts) == len(sources):
        _refuse_file_options(column, read)
        return [*texts]
    from albertkit.tables.readers.inputs import check_lines_without_column

    inputs = [
        source
        if isinstance(source, str)
        else tables.find_inputs(source, options=read, column=column)
        for source in _merge_files(sources)
    ]
    check_lines_without_column(
        [file for source in inputs if not isinstance(source, str) for file in source.files], column
    )
    return inputs


def use_standard_input() -> tuple[str, ...]:
    """The name of standard input; raises InputError [texts-missing] if it is a terminal."""
    if sys.stdin.isatty():
        raise no_text_error()
    return (STANDARD_INPUT,)


def no_text_error(inputs: Sequence[str] = ()) -> InputError:
    """The error of a command without texts, or with inputs that hold none."""
    files = [name for name in inputs if name != STANDARD_INPUT]
    return InputError(
        "texts-missing",
        f"there is no text in {list_names(files, 3)}" if files else "there is no text",
        why="the input is empty" if files else "no text was given, or the input is empty",
        fix="Give texts in quotes, in a file (--input FILE), or in a pipe",
    )


def _merge_files(sources: Sequence[str | list[str]]) -> list[str | list[str]]:
    """The sources, with neighbouring lists of files as one list."""
    merged: list[str | list[str]] = []
    for source in sources:
        if isinstance(source, list) and merged and isinstance(merged[-1], list):
            merged[-1] += source
        else:
            merged.append(source)
    return merged


def _warn_of_path(text: str) -> None:
    """Log a warning if a text is the path of a file, or of a directory with a slash: `texts/`."""
    try:
        is_file = Path(text).is_file()
        is_directory = "/" in text and Path(text).is_dir()
    except (OSError, ValueError):  # too long for a path, or with a null character
        return
    if is_file or is_directory:
        LOGGER.warning(
            "%s",
            Diagnostic(
                "text-is-path",
                "warning",
                f"the text {text!r} is the name of a {'file' if is_file else 'directory'}",
                why="arguments are texts, so the name itself is the text and no file is read",
                fix=f"To read the file, give --input {text}",
            ).line(),
        )


def _refuse_file_options(column: str | None, read: ReadOptions) -> None:
    """Raise InputError [usage] for an option that needs files."""
    given = {
        "--column": column,
        "--input-format": read.file_format,
        "--delimiter": read.delimiter,
        "--encoding": read.encoding,
        "--header": read.header,
        "--quotes": read.quotes,
        "--files": read.files or None,
    }
    for option in (option for option, value in given.items() if value is not None):
        raise InputError(
            "usage",
            f"{option} is given, and all texts are arguments",
            why="it describes files and pipes",
            fix=f"Give --input FILE, or leave {option} out",
        )


def _empty_argument_error(number: int, argument: str) -> InputError:
    return InputError(
        "text-empty",
        f"text {number} is {argument!r}",
        why="it has no characters besides spaces",
        fix="Give a text, or leave the argument out",
    )
