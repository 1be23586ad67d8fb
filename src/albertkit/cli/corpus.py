"""Options and text files that the training commands share.

A corpus is UTF-8 text, compressed or not: one paragraph a line, an empty line after each document;
"-" is standard input. Or it is a table (JSON lines, Parquet, CSV, …) with a document in each row.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli.output import print_status
from albertkit.errors.exceptions import count_noun, make_install_command
from albertkit.tables.formats import ReadOptions
from albertkit.training.run_directory import is_main_rank

if TYPE_CHECKING:
    from albertkit.pretraining.distillation_config import DistillationConfig
    from albertkit.pretraining.pretraining_config import PretrainingConfig
    from albertkit.pretraining.recipe import Recipe as TrainingRecipe
    from albertkit.tables import Inputs, RowEstimate

PLOT = "losses.png"  # in the directory of the model card

Corpus = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="Text with an empty line after each document, or tables with a document in each row, "
        'compressed or not; "-" is standard input.',
    ),
]
Texts = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help='Files of texts; "-" is standard input.'),
]
Tokenizer = Annotated[
    str,
    typer.Option(
        "--tokenizer",
        "-t",
        help="A model's directory or hub name, or a SentencePiece model.",
    ),
]
SkipInvalid = Annotated[
    bool,
    typer.Option(
        "--skip-invalid", help="Leave out rows that hold no text; the first one is named."
    ),
]
NewDirectory = Annotated[Path, typer.Option("--output", "-o", help="The directory to write.")]
Recipe = Annotated[Path, typer.Argument(metavar="RECIPE", help="A TOML file; see recipes/.")]
OutputDirectory = Annotated[
    Path,
    typer.Option(
        "--run",
        help="Directory of checkpoints and metrics; an interrupted run continues from it.",
    ),
]
NewModel = Annotated[Path, typer.Option("--output", "-o", help="Directory of the trained model.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, max=1024, help="Threads of torch.")
]


def find_corpus(files: list[str], column: str | None, read: ReadOptions) -> "Inputs":
    """Find the files of a corpus; raises as `find_inputs`, and [usage] for a column of lines."""
    from albertkit.tables import find_inputs
    from albertkit.tables.readers.inputs import check_lines_without_column

    inputs = find_inputs(files, options=read, column=column)
    check_lines_without_column(inputs.files, column)
    return inputs


def read_lines(
    inputs: "Inputs",
    column: str | None = None,
    *,
    skip_invalid: bool = False,
    estimate: "RowEstimate | None" = None,
    count_rows: Callable[[int], None] = lambda count: None,
) -> Iterator[str]:
    """The lines of all files, with an empty line after each document.

    Args:
        inputs: files of text, where an empty line ends a document, or tables, where a row does.
        column: of the texts in tables; None: "text", or the only one.
        skip_invalid: leave out rows without a text, and print how many there were.
        estimate: of their rows.
        count_rows: is called before the lines of each row, and for rows left out.
    """
    from albertkit.tables import Inputs, read_batches

    skipped, first = 0, ""
    for file in inputs.files:
        for batch in read_batches(
            Inputs((file,)), column=column, skip_invalid=skip_invalid, estimate=estimate
        ):
            for row in batch.invalid:
                skipped += row.rows
                count_rows(row.rows)
                first = first or f"row {row.row} of {row.file} {row.why}"
            for text in batch.texts:
                count_rows(1)
                if file.file_format == "lines":
                    yield text
                else:
                    yield from (*text.splitlines(), "")
        yield ""
    if skipped:
        print_status(f"{count_noun(skipped, 'invalid row')} left out: {first}")


def use_torch(threads: int | None) -> None:
    """Prepare this process for training, on so many threads (None: torch's own number).

    Raises:
        ResourceError: [extra-missing] without torch.
    """
    from albertkit.errors.exceptions import extra_missing_error

    if find_spec("torch") is None:
        raise extra_missing_error("torch", "training")
    from albertkit.training.devices import keep_freed_memory, set_threads

    keep_freed_memory()
    if threads is not None:
        set_threads(threads)


def print_metrics(metrics: Mapping[str, float | int]) -> None:
    """Print a line of the metrics log for people, with the time that is left."""
    rest = dict(metrics)
    parts = [f"step {rest.pop('step'):,}"]
    tokens, seconds = rest.pop("tokens"), rest.pop("seconds", 0)
    if fraction := rest.pop("fraction", 0):
        parts += [
            f"{fraction:.1%}",
            f"{_format_duration(seconds * (1 - fraction) / fraction)} left",
        ]
    parts.append(f"{tokens / 1e6:.2f} M tokens" if tokens >= 1e6 else f"{tokens:,} tokens")
    parts += [
        f"{name.replace('_', ' ')} {value:.3g}"
        if isinstance(value, float)
        else f"{value:,} {name.replace('_', ' ')}"
        for name, value in rest.items()
    ]
    print(" · ".join(parts), file=sys.stderr)


def make_card_files(
    recipe: "TrainingRecipe[PretrainingConfig] | TrainingRecipe[DistillationConfig]",
    run: Path,
    name: str,
    step: int,
) -> dict[str, bytes]:
    """The model card of a finished run, and the plot of its losses if matplotlib is installed.

    Args:
        recipe: of the run.
        run: its output directory.
        name: of the model.
        step: of the checkpoint that the model is.

    Returns:
        The files of the model's directory, by their names.
    """
    from albertkit.cli.loss_plot import draw_losses
    from albertkit.pretraining.model_card import make_model_card
    from albertkit.training.metrics_log import read_metrics

    metrics = read_metrics(run)
    plot = draw_losses(metrics)
    files = {} if plot is None else {PLOT: plot}
    if plot is None:
        print_status(f"no loss plot: it needs matplotlib; {make_install_command('plots')}")
    card = make_model_card(recipe, run, metrics, name=name, step=step, plot=PLOT if files else None)
    return {**files, "README.md": card.encode()}


def _format_duration(seconds: float) -> str:
    """Round a time to what a person plans by: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextmanager
def resume_hint(run: Path) -> Iterator[None]:
    """Say after Ctrl-C that the run can go on."""
    try:
        yield
    except KeyboardInterrupt:
        if is_main_rank():
            print(f"Stopped; the same command goes on from {str(run)!r}.", file=sys.stderr)
        raise
