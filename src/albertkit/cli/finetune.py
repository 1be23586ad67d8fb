"""`albertkit finetune`: from a table of examples to a trained, scored model."""

import logging
import os
import shlex
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from albertkit.cli import options
from albertkit.cli.corpus import print_metrics, resume_hint
from albertkit.cli.options import FETCH, takes_load_options, takes_read_options
from albertkit.cli.output import open_standard_output, print_status, shows_progress
from albertkit.errors import InputError
from albertkit.errors.exceptions import count_noun
from albertkit.runtime.options import LoadOptions
from albertkit.sources.names import RUN_SUFFIX
from albertkit.tables.formats import ReadOptions
from albertkit.training.run_directory import is_main_rank, lock_run

if TYPE_CHECKING:
    from albertkit.errors import Diagnostic
    from albertkit.finetuning import FinetuneOptions, FinetuneSession, TuningConfig
    from albertkit.finetuning.data.columns import Columns
    from albertkit.finetuning.race import ContenderName, RaceResult
    from albertkit.finetuning.report import Report

# As in albertkit.finetuning, which imports numpy; a test compares them.
Task: TypeAlias = Literal[
    "classification",
    "multi-label",
    "regression",
    "tagging",
    "question-answering",
    "multiple-choice",
]
USES = {
    "tagging": 'tag "a text"',
    "question-answering": 'answer "a question" --context "a text"',
    "multiple-choice": 'choose "a question" --choice "one" --choice "another"',
}
COLUMNS = "{:<12} {:>10}  {:<16} {:>9} {:>9} {:>10}"


@takes_read_options
@takes_load_options(*FETCH)
def finetune(
    data: Annotated[
        str,
        typer.Argument(metavar="DATA", help="A table of examples: CSV, TSV, JSON, Parquet, …"),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Directory to write; default: DATA's name + -model. "
            "An earlier result there is replaced.",
        ),
    ] = None,
    valid: Annotated[
        str | None,
        typer.Option("--valid", help="Validation rows; default: a fifth of DATA."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the data and stop; exit status 1 on errors.")
    ] = False,
    task: Annotated[
        Task | None, typer.Option("--task", help="What to learn; default: detected from the data.")
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", help="The text column; give it twice for pairs."),
    ] = None,
    label: Annotated[str | None, typer.Option("--label", help="The label column.")] = None,
    benchmark: Annotated[
        str | None,
        typer.Option(
            "--benchmark",
            help="The public data set that DATA is: cola, mrpc, squad, race …; "
            "default: recognised by its columns.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            autocompletion=options.complete_model,
            help="The encoder: a directory, a built-in model, or a name on a hub; default:"
            " small-en-vectors, for tags, answers and choices small-en.",
        ),
    ] = None,
    max_time: Annotated[
        str, typer.Option("--max-time", help="Time for all contenders: 90s, 10m, 1h.")
    ] = "10m",
    folds: Annotated[
        int,
        typer.Option(
            "--folds",
            min=0,
            help="Score by cross-validation with this many folds; 0: by one split.",
        ),
    ] = 0,
    class_weights: Annotated[
        Literal["none", "auto"],
        typer.Option("--class-weights", help="auto: give rows with rare labels more weight."),
    ] = "none",
    contenders: Annotated[
        str | None,
        typer.Option(
            "--contenders",
            help="What to compare, of majority,tfidf,probe,contrastive,tune; default: the first"
            " three, contrastive for few rows and tune for many.",
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            "--recipe", help="Settings of the tuning, a TOML file; see recipes/finetuning."
        ),
    ] = None,
    repetitions: Annotated[
        int | None,
        typer.Option(
            "--repetitions",
            min=1,
            help="Run the shared layers this many times in the tuned model: fewer is faster. It"
            " learns from the same model with all repetitions.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            min=0,
            help="Random seed of the split and of training; default: the recipe's, or 0.",
        ),
    ] = None,
    skip_invalid: Annotated[
        bool,
        typer.Option(
            "--skip-invalid",
            help="Leave out and count rows that cannot be read, whose label is invalid, or whose"
            " answer is not in its context.",
        ),
    ] = False,
    read: ReadOptions,
    load: LoadOptions,
) -> None:
    """Train a model on a table of examples, and score it.

    Task and columns are detected from the table and printed. Contenders (a baseline, a probe, a
    tuned model) run in turn, the cheapest first; the best model is written with a report.
    """
    from albertkit.finetuning import FinetuneOptions

    # OpenMP reads this when torch is imported. Its threads wait in a loop for each other, by
    # default; with other programs on the same cores a step of two threads took 4.1 s of the
    # processor, and 0.31 s with threads that sleep (small-en-vectors, 32 rows of AG News).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if not is_main_rank():  # of several that torchrun started, the first one reports
        logging.getLogger("albertkit").setLevel(logging.ERROR)
    destination = output or Path(f"{Path(data).name.partition('.')[0]}-model")
    run_directory = Path(f"{destination}{RUN_SUFFIX}")
    tuning = make_tuning_config(recipe, repetitions, seed)
    settings = FinetuneOptions(
        task=task,
        text=tuple(text or ()),
        label=label,
        benchmark=benchmark,
        model=model,
        folds=folds,
        max_time=max_time,
        class_weights=class_weights,
        contenders=parse_contenders(contenders),
        seed=seed or (tuning.seed if tuning else 0),
        skip_invalid=skip_invalid,
        tuning=tuning,
        run_directory=run_directory,
        read=read,
        fetch_options=load.fetch_options,
    )
    if check:
        print_check(open_session(data, valid, settings).check(suspects=True))
        return
    check_destination(destination)
    with lock_run(run_directory):
        session = open_session(data, valid, settings)
        diagnostics = session.check()
        session.prepare()
        print_diagnostics(diagnostics)
        with resume_hint(run_directory):
            print_race(session)
            if not is_main_rank():
                return
            tuned = session.finish()
            tuned.save_pretrained(destination)
        session.remove_checkpoints()
    print_winner(tuned.report, destination)
    print_status(f"Use it: {describe_use(session.columns, destination)}")


def print_winner(report: "Report", directory: Path) -> None:
    """Say which contender was written, and which others are as good."""
    from albertkit.finetuning.race import TITLES

    title = TITLES[report.contender]
    if near := report.metrics["within_noise_of_it"]:
        print_status(f"{title} is kept; within noise of it: {', '.join(TITLES[n] for n in near)}")
    print_status(f"{title} written to {directory}/")


def describe_use(columns: "Columns", directory: Path) -> str:
    """The command that uses the model: of pairs, contexts and choices with examples of these."""
    use = 'classify "a text"'
    if columns.task in USES:
        use = USES[columns.task]
        if columns.task == "multiple-choice" and len(columns.texts) > 1:
            use += ' --context "a text"'
    elif len(columns.texts) > 1:
        use += ' --pair "another text"'
    return f"albertkit {use} -m {shlex.quote(str(directory))}"


def make_tuning_config(
    recipe: Path | None, repetitions: int | None, seed: int | None
) -> "TuningConfig | None":
    """The settings of the tuning; an option has precedence over the recipe. None: all defaults."""
    if recipe is None and repetitions is None:
        return None
    from albertkit.finetuning.tuning_recipe import TuningConfig, read_tuning_recipe

    config = TuningConfig() if recipe is None else read_tuning_recipe(recipe)
    config = config if repetitions is None else replace(config, repetitions=repetitions)
    return config if seed is None else replace(config, seed=seed)


def open_session(data: str, valid: str | None, options: "FinetuneOptions") -> "FinetuneSession":
    """Read the data, and print what was detected."""
    from albertkit.finetuning import FinetuneSession

    session = FinetuneSession.open(data, valid, options)
    session.show_progress_bar = shows_progress()
    if shows_progress():
        session.on_step = print_metrics
    for name, value, flag in session.columns.rows():
        print_status(f"{name:<6} {value:<40} {flag}".rstrip())
    print_status(f"{len(session.examples):,} examples{describe_labels(session.labels.names)}")
    return session


def print_race(session: "FinetuneSession") -> None:
    """Print the line of each contender as it ends; of several ranks the first one prints.

    A reader such as `head` that has enough of the lines does not end the race.
    """
    from albertkit.finetuning.scores import MEASURES

    measure = MEASURES[session.columns.task]
    header = COLUMNS.format("contender", measure, "95 % interval", "seconds", "MB", "ms a text")
    for line in chain([header], map(format_result, session.race())):
        if is_main_rank():
            with open_standard_output():
                print(line)


def check_destination(directory: Path) -> None:
    """Refuse a directory that holds something else than an earlier result.

    Raises:
        InputError: [directory-not-empty].
    """
    is_file = directory.is_file()
    if is_file or (
        directory.is_dir()
        and any(directory.iterdir())
        and not (directory / "report" / "recipe.json").is_file()
    ):
        raise InputError(
            "directory-not-empty",
            f"{str(directory)!r} {'is a file' if is_file else 'holds other files'}",
            why="a model is a directory" if is_file else "the model would be mixed with them",
            fix="Give another directory with --output",
        )


def parse_contenders(names: str | None) -> "list[ContenderName] | None":
    """The contenders in the order of their costs; raises InputError [usage] for other names."""
    if names is None:
        return None
    from albertkit.finetuning.race import BASELINES, CONTENDERS

    given = [name.strip() for name in names.split(",")]
    for name in given:
        if name not in CONTENDERS:
            raise InputError(
                "usage",
                f"--contenders has {name!r}",
                why=f"they are {', '.join(CONTENDERS)}",
                fix="Take some of these, with commas between them",
            )
    chosen = [name for name in CONTENDERS if name in given]
    if all(name in BASELINES for name in chosen):
        raise InputError(
            "usage",
            f"--contenders has only {' and '.join(chosen)}",
            why="baselines show what a model must beat, and are not kept",
            fix="Add probe or tune",
        )
    return chosen


def describe_labels(names: tuple[str, ...]) -> str:
    """The first labels, for one line."""
    if len(names) < 2:
        return ""
    shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
    return f", {len(names)} labels: {shown}"


def print_diagnostics(diagnostics: "list[Diagnostic]") -> None:
    """Print errors and warnings about the data; notes are for --check."""
    for diagnostic in diagnostics:
        if diagnostic.severity != "note":
            print_status(f"{diagnostic.severity}: {diagnostic.line()}")


def print_check(diagnostics: "list[Diagnostic]") -> None:
    """Print what the checks have to say; exit with 1 if there is an error."""
    with open_standard_output():
        for diagnostic in diagnostics:
            print(f"{diagnostic.severity}: {diagnostic.line()}")
        counts = [
            count_noun(sum(d.severity == kind for d in diagnostics), kind)
            for kind in ("error", "warning", "note")
        ]
        print(", ".join(counts))
    if any(diagnostic.severity == "error" for diagnostic in diagnostics):
        sys.stdout.flush()
        raise typer.Exit(1)


def format_result(result: "RaceResult") -> str:
    """One line of the race."""
    from albertkit.finetuning.race import TITLES

    title = TITLES[result.name]
    if result.score is None:
        return f"{title:<12} no result: {result.note}"
    score = result.score
    return COLUMNS.format(
        title,
        f"{score.value:.3f}",
        f"{score.low:.3f} to {score.high:.3f}",
        f"{result.seconds:.1f}",
        f"{result.size / 1e6:.1f}",
        f"{result.milliseconds:.2f}" if result.model is not None else "–",
    )
