"""`albertkit doctor`: why a model does not load, and why its numbers are wrong."""

import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from albertkit.cli.finetune import Task as FinetuneTask
from albertkit.cli.options import FETCH, OVERRIDES, takes_load_options
from albertkit.cli.output import open_standard_output
from albertkit.errors import InputError
from albertkit.runtime.options import LoadOptions

SICK = 1  # the exit status that means "no"
WIDEST = 100  # characters of a line
PASTED = "-"
# As in doctor.checks.labelled_data, which imports numpy; a test compares them.
Task: TypeAlias = Literal[FinetuneTask, "classify", "tag", "answer", "choose"]


@takes_load_options("policy", *OVERRIDES, *FETCH)
def doctor(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[TARGET]",
            help="A model of any format, a tokenizer, a table of examples, a .py or .ipynb file, a "
            "log, or - for text from standard input, such as an error message.",
        ),
    ] = None,
    *,
    load: LoadOptions,
    tokenizer: Annotated[
        str | None, typer.Option("--with", help="Examine the model with this tokenizer.")
    ] = None,
    text: Annotated[
        Path | None, typer.Option("--text", help="A file of your own texts: lines, .jsonl, .csv …")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="A model that should give the same outputs.")
    ] = None,
    task: Annotated[
        Task | None,
        typer.Option(
            "--task",
            metavar="TASK",
            help="What the labels of a table are for: classify, tag, answer, choose, or a task of "
            "finetune; default: detected.",
        ),
    ] = None,
    environment: Annotated[
        bool, typer.Option("--env", help="Examine the installed versions too.")
    ] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="CODE", help="Explain one code.")
    ] = None,
    print_format: Annotated[
        Literal["table", "json", "github", "sarif"],
        typer.Option("--format", "-f", help="How to print the result."),
    ] = "table",
    fail_on: Annotated[
        Literal["error", "warning"],
        typer.Option("--fail-on", help="Exit with status 1 on errors only, or on warnings too."),
    ] = "error",
) -> int:
    """Find what is wrong with a model, table or script.

    Examines models, tokenizers, tables of examples, scripts, notebooks and error messages, also of
    other libraries. It runs no code of the target, changes nothing, and downloads only what is
    named.
    """
    width = min(shutil.get_terminal_size().columns, WIDEST)
    if explain is not None:
        if target is not None:
            raise InputError(
                "usage",
                "a target and --explain are given",
                why="a code is explained without a target",
                fix=f"Run albertkit doctor --explain {explain}",
            )
        from albertkit.doctor.catalogue import explain as explain_code

        with open_standard_output():
            print(explain_code(explain, width))
        return 0
    if target is None and not environment:
        raise InputError(
            "usage",
            "no target is given",
            why="the doctor examines a model, a script, a message or the environment",
            fix="Run albertkit doctor MODEL, or albertkit doctor --env",
        )
    from albertkit.doctor.examine import (
        add_environment,
        check_arguments,
        examine,
        examine_environment,
        examine_text,
    )
    from albertkit.doctor.reading import decode_text, read_some_texts
    from albertkit.doctor.render import render

    if target is None or target == PASTED:
        kind: Literal["environment", "message"] = "environment" if target is None else "message"
        check_arguments(kind, load, tokenizer=tokenizer, texts=text, against=against, task=task)
    if target is None:
        examination = examine_environment()
    elif target == PASTED:
        if sys.stdin.isatty():
            print("Paste the text, then press Ctrl-D.", file=sys.stderr)
        examination = examine_text(decode_text(sys.stdin.buffer.read(), "standard input"))
    else:
        examination = examine(
            target,
            tokenizer=tokenizer,
            texts=[] if text is None else read_some_texts(text),
            against=against,
            task=task,
            options=load,
        )
    if environment and target is not None:
        examination = add_environment(examination)
    with open_standard_output():
        print(render(examination, print_format, width))
    worst = examination.worst()
    return SICK if worst in ("error", fail_on) else 0
