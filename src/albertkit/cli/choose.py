"""`albertkit choose`: the best of several choices, printed, in a file, or in a directory."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albertkit.cli import options
from albertkit.cli.answer import read_context
from albertkit.cli.destination import Destination
from albertkit.cli.options import takes_destination, takes_load_options, takes_read_options
from albertkit.errors import InputError
from albertkit.runtime.options import LoadOptions
from albertkit.sources import WORDS
from albertkit.tables.formats import ReadOptions

if TYPE_CHECKING:
    from albertkit.tables import Table


@takes_read_options
@takes_load_options()
@takes_destination(options.JobFormat)
def choose(
    questions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUESTION]...", help='Questions in quotes; "-" or none: standard input.'
        ),
    ] = None,
    *,
    choices: Annotated[
        list[str] | None,
        typer.Option("--choice", metavar="TEXT", help="A choice. Give at least two."),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="TEXT", help="A text to read before the question."),
    ] = None,
    context_file: Annotated[
        Path | None,
        typer.Option("--context-file", metavar="FILE", help="A UTF-8 file with that text."),
    ] = None,
    inputs: options.Inputs = None,
    read: ReadOptions,
    column: Annotated[
        str | None,
        typer.Option("--column", help="The column of the questions; default: question."),
    ] = None,
    choice_columns: Annotated[
        list[str] | None,
        typer.Option(
            "--choice-columns",
            metavar="A,B",
            help="The columns of the choices, or one column of lists; default: choices.",
        ),
    ] = None,
    context_column: Annotated[
        str | None,
        typer.Option("--context-column", help="The column of a text to read before a question."),
    ] = None,
    keep: options.JobKeep = None,
    skip_invalid: options.SkipInvalid = False,
    model: options.TunedModel = WORDS,
    truncation: options.Truncation = "warn",
    load: LoadOptions,
    destination: Destination,
) -> None:
    """Choose the text that fits each question best.

    Choices are numbered from 0.
    """
    destination.check()
    if not choices and questions and any(question != "-" for question in questions):
        raise InputError(
            "usage",
            "questions are given, and no choices",
            why="the model scores choices",
            fix="Give --choice TEXT, at least twice",
        )
    from albertkit.tasks.head_jobs import ChooseJob

    job = ChooseJob(
        tuple(inputs or ()),
        read=read,
        column="question" if column is None and not choices else column,
        keep=options.split_names(keep),
        skip_invalid=skip_invalid,
        model=model,
        load=load,
        truncation=truncation,
        choices=tuple(choices or ()),
        choice_columns=options.split_names(choice_columns) or ("choices",),
        context=read_context(context, context_file),
        context_column=context_column,
    )
    destination.run(job, questions or (), for_people=show_choices)


def show_choices(table: "Table", before: int) -> "Table":
    """The table with the scores of all choices as text."""
    from albertkit.tables import Table

    rows: Any = table.columns["scores"]
    scores = [", ".join(f"{score:.4f}" for score in row) for row in rows]
    return Table({**table.columns, "scores": scores})
