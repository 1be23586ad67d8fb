"""`albertkit <verb> …`: finds the verb, runs it, and turns every error into one line and a status.

Exit status: 0 done, 1 the answer is "no", 2 bad input, 3 surroundings, 130 Ctrl-C. Any other
exception is our bug and shows its traceback. A verb's file is imported when it is named, and
imports nothing of the library before it runs, so that help comes at once.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Sequence

import typer

from albertkit.cli.commands import Verbs
from albertkit.errors import AlbertKitError, InputError

CTRL_C = 130
# Modules whose notes answer an option: which precision `auto` is, and what int8 costs.
ASKED_FOR = ("albertkit.engine.precision", "albertkit.engine.int8.search")

app = typer.Typer(
    name="albertkit",
    cls=Verbs,
    help="ALBERT on ordinary machines: text in, vectors and words out.",
    # plain help: rich would double the time until it is there
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def show_version(asked: bool) -> None:
    """Print the version and end."""
    if asked:
        from albertkit import __version__

        print(f"albertkit {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=show_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    """Options of the command itself."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line; gives the exit status."""
    _prepare_streams()
    logging.getLogger("albertkit").propagate = False  # TensorFlow adds a handler to the root
    try:
        status = app(list(arguments) or ["--help"], prog_name="albertkit", standalone_mode=False)
    except AlbertKitError as error:
        return _told(error)
    except typer.TyperException as error:
        return _told(_usage(error))
    except (KeyboardInterrupt, typer.Abort):
        return CTRL_C
    return status if isinstance(status, int) else 0


def _prepare_streams() -> None:
    """Programs read UTF-8, terminals what they can show; warnings go to standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                encoding=None if stream.isatty() else "utf-8", errors="backslashreplace"
            )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.getLogger("albertkit").handlers = [handler]
    for name in ASKED_FOR:
        logging.getLogger(name).setLevel(logging.INFO)


def _told(error: AlbertKitError) -> int:
    print(error.diagnostic.line(), file=sys.stderr)
    return error.exit_status


def _usage(error: typer.TyperException) -> InputError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "albertkit"
    return InputError("usage", error.format_message().rstrip("."), fix=f"See: {command} --help")
