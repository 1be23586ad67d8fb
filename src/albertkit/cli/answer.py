"""`albertkit answer`: answers to questions from texts, printed, in a file, or in a directory."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albertkit.cli import options
from albertkit.cli.destination import Destination
from albertkit.cli.options import takes_destination, takes_load_options, takes_read_options
from albertkit.errors import InputError
from albertkit.runtime.options import LoadOptions
from albertkit.sources import WORDS
from albertkit.tables.formats import ReadOptions
from albertkit.tasks.options import AnswerOptions

if TYPE_CHECKING:
    from albertkit.tables import Table


@takes_read_options
@takes_load_options()
@takes_destination(options.JobFormat)
def answer(
    questions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUESTION]...", help='Questions in quotes; "-" or none: standard input.'
        ),
    ] = None,
    *,
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="TEXT", help="The text with the answers."),
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
    context_column: Annotated[
        str, typer.Option("--context-column", help="The column of the text of each question.")
    ] = "context",
    keep: options.JobKeep = None,
    skip_invalid: options.SkipInvalid = False,
    model: options.TunedModel = WORDS,
    top_k: Annotated[int, typer.Option("--top-k", "-k", help="Answers to each question.")] = 1,
    no_answer: Annotated[
        bool | None,
        typer.Option(
            "--no-answer/--always-answer",
            help="Whether an answer may be empty; default: as the model was tuned.",
        ),
    ] = None,
    max_answer_len: Annotated[
        int, typer.Option("--max-answer-len", help="Maximum number of pieces of an answer.")
    ] = 30,
    load: LoadOptions,
    destination: Destination,
) -> None:
    """Answer each question from a text of any length.

    Start and end count characters of the text, from 0.
    """
    destination.check()
    context = read_context(context, context_file)
    if context is None and questions and any(question != "-" for question in questions):
        raise InputError(
            "usage",
            "questions are given, and no text with the answers",
            why="the model finds an answer in a text",
            fix="Give --context TEXT or --context-file FILE",
        )
    from albertkit.tasks.head_jobs import AnswerJob

    job = AnswerJob(
        tuple(inputs or ()),
        read=read,
        column="question" if column is None and context is None else column,
        keep=options.split_names(keep),
        skip_invalid=skip_invalid,
        model=model,
        load=load,
        context=context,
        context_column=context_column,
        options=AnswerOptions(
            top_k=top_k, handle_impossible_answer=no_answer, max_answer_len=max_answer_len
        ),
    )
    destination.run(job, questions or (), for_people=show_answers)


def read_context(text: str | None, path: Path | None) -> str | None:
    """The text that all questions are about, from an option or a file.

    Raises:
        InputError: [usage] if both are given, [text-empty], [file-not-found], [file-not-utf8].
    """
    if text is not None and path is not None:
        raise InputError(
            "usage", "both --context and --context-file are given", fix="Give one of the two"
        )
    if path is not None:
        text = _read_file(path)
    if text is not None and not text.strip():
        raise InputError(
            "text-empty",
            "the context is empty",
            why="there is nothing to find an answer in",
            fix="Give a text",
        )
    return text


def _read_file(path: Path) -> str:
    from albertkit.fileformats.reader import read_errors

    if not path.is_file():
        raise InputError(
            "file-not-found",
            f"there is no file {str(path)!r}",
            why="--context-file reads the text with the answers",
            fix="Check the path, or give the text itself with --context",
        )
    with read_errors(str(path)):
        data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = len(data) - len(error.object) + error.start + 1  # utf-8-sig leaves out its mark
        raise InputError(
            "file-not-utf8",
            f"{str(path)!r} is not UTF-8",
            why=f"byte {number} (0x{error.object[error.start]:02x}) is not valid UTF-8",
            fix="Convert it to UTF-8",
        ) from error


def show_answers(table: "Table", before: int) -> "Table":
    """The table with one row for each answer."""
    from albertkit.tables import Table

    if "answers" not in table.columns:
        return table
    columns: dict[str, Any] = {name: list(column) for name, column in table.columns.items()}
    answers = columns.pop("answers")
    names = ("answer", "score", "start", "end")
    others = [name for name in columns if name not in names]
    return Table(
        {
            **{
                name: [
                    cell for cell, items in zip(columns[name], answers, strict=True) for _ in items
                ]
                for name in others
            },
            **{name: [item[name] for items in answers for item in items] for name in names},
        }
    )
