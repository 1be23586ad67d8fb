"""Run a command line: find the command, and turn every error into one line and an exit status.

Exit status: 0 done, 1 the answer is "no", 2 bad input, 3 resources (a missing extra, a full disk,
an unreachable hub), 130 Ctrl-C. Any other exception is a bug in albertkit and keeps its traceback.
The list of commands holds each command's name and summary. A command's file is imported when the
command is called, and imports the library when it runs: so help is fast.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from albertkit.cli.output import open_standard_output
from albertkit.errors import AlbertKitError, InputError

CTRL_C = 130
HELP_OPTIONS = ("-h", "--help")
PRINTED_BY_TYPER = frozenset({*HELP_OPTIONS, "--version"})
# Modules whose notes answer an option: which precision `auto` is, and the error of int8.
ALWAYS_LOGGED = ("albertkit.engine.precision", "albertkit.engine.native.int8_error")
INPUT_OPTIONS = ("-i", "--input", "--in")
LESS = (logging.ERROR, "Print no warnings, notes or progress.")
MORE = (logging.INFO, "Print more notes.")


class Command(TyperCommand):
    """A command that is imported when it is called."""

    def __init__(self, name: str, summary: str, example: str) -> None:
        """Describe a command.

        Args:
            name: as it is typed; `albertkit.cli` has a module and a function of this name.
            summary: its line in the list, and the first line of its help.
            example: a command line that its help shows.
        """
        super().__init__(name, short_help=summary)
        self.function_name = name.replace("-", "_")
        self.example = example

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Import the command and parse its arguments."""
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        module = import_module(f"albertkit.cli.{self.function_name}")
        app.command(self.name, epilog=f"\b\nExample:\n  {self.example}")(
            getattr(module, self.function_name)
        )
        command = get_command(app)
        command.params += _log_options()
        return command.make_context(info_name, _repeat_input(args), parent, **extra)


def _repeat_input(words: list[str]) -> list[str]:
    """The words with `-i a b` as `-i a -i b`, if b is a file: a shell makes that of `-i *.txt`."""
    repeated: list[str] = []
    for word in words:
        follows_file = len(repeated) > 1 and repeated[-2] in INPUT_OPTIONS
        if follows_file and not word.startswith("-") and Path(word).exists():
            repeated.append(INPUT_OPTIONS[0])
        repeated.append(word)
    return repeated


def _log_options() -> list[TyperOption]:
    """The options of every command, which may stand before its name too."""
    return [_make_option("-q", "--quiet", LESS), _make_option("-v", "--verbose", MORE)]


def _make_option(short: str, long: str, level: tuple[int, str]) -> TyperOption:
    """An option that sets which messages are logged."""

    def set_level(context: object, parameter: object, given: bool) -> None:
        if given:
            logging.getLogger("albertkit").setLevel(level[0])

    return TyperOption(
        param_decls=[short, long],
        is_flag=True,
        expose_value=False,
        callback=set_level,
        help=level[1],
    )


COMMANDS = (
    Command("embed", "Compute a vector for each text.", 'albertkit embed "a text" "another"'),
    Command(
        "similarity",
        "Compare texts: the cosine of each pair.",
        'albertkit similarity "How old are you?" "what is your age?"',
    ),
    Command(
        "search",
        "Find the texts that are nearest to a query.",
        'albertkit search "opening hours" --in texts.txt',
    ),
    Command(
        "duplicates",
        "Find texts that say almost the same.",
        "albertkit duplicates --input texts.csv --column body",
    ),
    Command(
        "cluster",
        "Group texts around central ones.",
        "albertkit cluster --input texts.csv --column body",
    ),
    Command(
        "fill-mask",
        "Predict the word at each [MASK].",
        'albertkit fill-mask "The capital of France is [MASK]."',
    ),
    Command("classify", "Label each text.", 'albertkit classify "a text" --model ./my-classifier'),
    Command(
        "tag",
        "Find spans such as names in each text.",
        'albertkit tag "a text" --model ./my-tagger',
    ),
    Command(
        "answer",
        "Answer each question from a text of any length.",
        'albertkit answer "Who won?" --context-file text.txt --model ./my-answerer',
    ),
    Command(
        "choose",
        "Choose the text that fits each question best.",
        'albertkit choose "It is" --choice hot --choice cold --model ./my-chooser',
    ),
    Command("tokens", "Show the pieces and ids of each text.", 'albertkit tokens "a text"'),
    Command("models", "List models that you can use.", "albertkit models --for vectors"),
    Command("inspect", "Describe a model.", "albertkit inspect ./my-model"),
    Command(
        "convert",
        "Write a model in another format, with a parity check.",
        "albertkit convert ./my-model ./my-model-onnx --to onnx",
    ),
    Command(
        "verify",
        "Compare two models of any formats.",
        "albertkit verify ./my-model ./my-model-onnx",
    ),
    Command(
        "vocabulary",
        "Train a SentencePiece vocabulary like ALBERT's.",
        "albertkit vocabulary corpus.txt --size 8000 -o spiece.model",
    ),
    Command(
        "shards",
        "Tokenize a corpus for pretraining.",
        "albertkit shards corpus.txt -t spiece.model -o shard/",
    ),
    Command(
        "pretrain",
        "Pretrain an ALBERT (masked LM, sentence order).",
        "albertkit pretrain recipes/small-en.toml --run run/ -o my-model/",
    ),
    Command(
        "prepare-distillation",
        "Store texts with a teacher's vectors, for distil.",
        "albertkit prepare-distillation texts.txt --vectors v.npy -t spiece.model -o data/",
    ),
    Command(
        "distil",
        "Train an ALBERT on another model's vectors.",
        "albertkit distil recipes/small-en-vectors.toml --run run/ -o my-model/",
    ),
    Command(
        "finetune",
        "Train a model on a table of examples, and score it.",
        "albertkit finetune reviews.csv --output reviews-model",
    ),
    Command(
        "doctor",
        "Find what is wrong with a model, table or script.",
        "albertkit doctor ./my-model",
    ),
    Command(
        "compare-tokenizers",
        "Compare tokenizers on a text, or on texts.",
        'albertkit compare-tokenizers "Crème brûlée, 3,000 calories"',
    ),
    Command("explain", "Explain an error code or a symptom.", "albertkit explain text-truncated"),
)


class Commands(TyperGroup):
    """All commands, as a group of typer."""

    def __init__(self, **settings: Any) -> None:
        """Add all commands to the group; settings: of typer's group."""
        super().__init__(**settings)
        self.params += _log_options()
        for command in COMMANDS:
            self.add_command(command)


app = typer.Typer(
    name="albertkit",
    cls=Commands,
    help="ALBERT on ordinary machines: text in; vectors, words, labels and answers out.",
    epilog="Help for a command: albertkit COMMAND --help",
    rich_markup_mode=None,  # importing rich would double the time of --help
    pretty_exceptions_enable=False,  # a bug's traceback is plain text, to be pasted into a report
    context_settings={"help_option_names": list(HELP_OPTIONS), "max_content_width": 100},
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
    # results are printed by the commands, each of which opens standard output by itself
    prints_help = not PRINTED_BY_TYPER.isdisjoint(words)
    try:
        with open_standard_output() if prints_help else nullcontext():
            status = app(words, prog_name="albertkit", standalone_mode=False)
    except AlbertKitError as error:
        return _report(error)
    except typer.TyperException as error:
        return _report(_as_usage_error(error, words))
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
    from albertkit.cli.options import name_options

    print(f"error: {name_options(error.diagnostic.line())}", file=sys.stderr)
    return error.exit_status


def _as_usage_error(error: typer.TyperException, words: Sequence[str]) -> InputError:
    context = getattr(error, "ctx", None)
    if context is not None:
        command = context.command_path
    else:  # typer gives none if an option lacks its value
        known = {command.name for command in COMMANDS}
        command = " ".join(["albertkit", *[word for word in words if word in known][:1]])
    return InputError("usage", error.format_message().rstrip("."), fix=f"See: {command} --help")
