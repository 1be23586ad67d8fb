"""`albertkit similarity`: the similarity of each text to each other."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from albertkit.cli import options
from albertkit.cli.input_texts import read_texts
from albertkit.cli.options import takes_load_options, takes_read_options
from albertkit.cli.output import check_output, print_status, write_result
from albertkit.errors import InputError
from albertkit.runtime.options import LoadOptions
from albertkit.sources import VECTORS
from albertkit.tables.formats import ReadOptions

MATRIX_TEXTS = 20  # of more texts a terminal shows only the nearest of each
TERMINAL_ROWS = 100


@takes_read_options
@takes_load_options()
def similarity(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    read: ReadOptions,
    column: options.Column = None,
    model: options.Model = VECTORS,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the table as an image: .png, .svg or .pdf.")
    ] = None,
    truncation: options.Truncation = "warn",
    load: LoadOptions,
    print_format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Compare texts: the cosine of each pair.

    The cosine of equal texts is 1, of unrelated texts near 0. Texts are numbered from 1.
    """
    check_output(print_format, output)
    compared = read_texts(texts, inputs, column, read)
    if len(compared) < 2:
        raise InputError(
            "texts-missing",
            "there is one text",
            why="a comparison needs two",
            fix="Give more texts, each in quotes",
        )
    if plot is not None:
        from albertkit.cli.heatmap import check_plot

        check_plot(plot)
    import numpy as np

    from albertkit.cli.output import shows_progress
    from albertkit.cli.screen import draw_table
    from albertkit.tables import Table
    from albertkit.tasks.embed import TextEmbedder

    embedder = TextEmbedder(model, truncation=truncation, **load.keywords())
    shows_bar = shows_progress() and len(compared) > MATRIX_TEXTS
    vectors = embedder.encode(compared, show_progress_bar=shows_bar)
    scores = embedder.similarity(vectors, vectors)  # [N, N]
    others = scores.copy()
    np.fill_diagonal(others, -np.inf)
    nearest = (others.argmax(1) + 1).tolist()
    numbers = list(range(1, len(compared) + 1))

    def draw() -> str:
        if len(compared) <= MATRIX_TEXTS:
            columns = {str(n): [f"{score:.2f}" for score in scores[:, n - 1]] for n in numbers}
            return draw_table(Table({"": numbers, "text": compared, **columns, "nearest": nearest}))
        shown = len(compared)
        if sys.stdout.isatty() and shown > TERMINAL_ROWS:
            shown = TERMINAL_ROWS
            hidden = len(compared) - shown
            print_status(f"{hidden:,} more rows are not shown; --output FILE writes all of them")
        table = {
            "": numbers[:shown],
            "text": compared[:shown],
            "nearest": nearest[:shown],
            "score": [f"{score:.2f}" for score in others.max(1)[:shown]],
            "text of nearest": [compared[n - 1] for n in nearest[:shown]],
        }
        return draw_table(Table(table))

    if plot is not None:
        from albertkit.cli.heatmap import write_heatmap

        write_heatmap(scores, compared, plot)
    table = Table({"row": numbers, "text": compared, "nearest": nearest, "similarity": scores})
    write_result(table, print_format, output, for_people=draw)
