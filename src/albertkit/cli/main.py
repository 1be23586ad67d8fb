"""Run a command line: find the command, and turn every error into one line and an exit status.

Exit status: 0 done, 1 the answer is "no", 2 bad input, 3 resources (a missing extra, a full disk,
an unreachable hub), 130 Ctrl-C. Any other exception is a bug in albertkit and keeps its traceback.
A command's file is imported when the command is called, and imports the library when it runs: so
help is fast.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Sequence

import typer

from albertkit.cli.commands import Commands
from albertkit.errors import AlbertKitError, InputError

CTRL_C = 130
# Modules whose notes answer an option: which precision `auto` is, and the error of int8.
ALWAYS_LOGGED = ("albertkit.engine.precision", "albertkit.engine.int8.search")

app = typer.Typer(
    name="albertkit",
    cls=Commands,
    help="ALBERT on ordinary machines: text in, vectors and words out.",
    epilog="Help for a command: albertkit COMMAND --help",
    rich_markup_mode=None,  # importing rich would double the time of --help
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def show_version(given: bool) -> None:
    """Print the version and exit."""
    if given:
        from albertkit import __version__

        print(f"albertkit {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=show_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    """Options of `albertkit` itself."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: the words after `albertkit`.

    Returns:
        The exit status.
    """
    _prepare_streams()
    words = list(arguments) or ["--help"]
    if words[0] == "help":  # git's habit: `help embed` is `embed --help`
        words = [*words[1:], "--help"]
    try:
        status = app(words, prog_name="albertkit", standalone_mode=False)
    except AlbertKitError as error:
        return _report(error)
    except typer.TyperException as error:
        return _report(_as_usage_error(error))
    except (KeyboardInterrupt, typer.Abort):
        return CTRL_C
    return status if isinstance(status, int) else 0


def _prepare_streams() -> None:
    """Write UTF-8 to pipes, the terminal's encoding to terminals, and logs to standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                encoding=None if stream.isatty() else "utf-8", errors="backslashreplace"
            )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LevelFormatter())
    logger = logging.getLogger("albertkit")
    logger.handlers = [handler]
    logger.propagate = False  # TensorFlow adds a handler to the root: lines would appear twice
    logger.setLevel(logging.WARNING)
    for name in ALWAYS_LOGGED:
        logging.getLogger(name).setLevel(logging.INFO)


class _LevelFormatter(logging.Formatter):
    """The message, after "warning: " if it is one."""

    def format(self, record: logging.LogRecord) -> str:
        level = "warning: " if record.levelno == logging.WARNING else ""
        return f"{level}{super().format(record)}"


def _report(error: AlbertKitError) -> int:
    print(f"error: {error.diagnostic.line()}", file=sys.stderr)
    return error.exit_status


def _as_usage_error(error: typer.TyperException) -> InputError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "albertkit"
    return InputError("usage", error.format_message().rstrip("."), fix=f"See: {command} --help")
