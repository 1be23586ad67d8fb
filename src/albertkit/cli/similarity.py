"""`albertkit similarity`: how near texts are to one another."""

from pathlib import Path
from typing import Annotated, Any

import typer

from albertkit.cli import options
from albertkit.cli.input_texts import texts_of
from albertkit.cli.model_options import computes
from albertkit.cli.output import check_options, give
from albertkit.errors import InputError
from albertkit.sources import VECTORS


@computes
def similarity(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    input_format: options.Kind = None,
    column: options.Column = None,
    model: options.Model = VECTORS,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the table as an image: .png, .svg or .pdf.")
    ] = None,
    truncation: options.Truncation = options.TooLong.WARN,
    policy: options.Policy = None,
    computing: "dict[str, Any]",
    form: options.Format = None,
    output: options.Output = None,
) -> None:
    """Compare each text with each other.

    1 is the same text, 0 is unrelated.
    """
    check_options(form, output)
    given = texts_of(texts, inputs, column, input_format)
    if len(given) < 2:
        raise InputError(
            "texts-missing",
            "there is one text",
            why="it takes two to compare",
            fix="Give more texts, each in quotes",
        )
    if plot is not None:
        from albertkit.cli.heatmap import check_plot

        check_plot(plot)
    import numpy as np

    from albertkit.cli.screen import drawn
    from albertkit.tables import Table
    from albertkit.tasks.embed import TextEmbedder

    embedder = TextEmbedder(model, truncation=truncation.value, policy=policy, **computing)
    vectors = embedder.encode(given)
    near = embedder.similarity(vectors, vectors)  # [N, N]
    others = near.copy()
    np.fill_diagonal(others, -np.inf)
    nearest = others.argmax(1).tolist()

    def on_screen() -> str:
        numbers = list(range(1, len(given) + 1))  # people count from 1
        scores = {str(number): [f"{s:.2f}" for s in near[:, number - 1]] for number in numbers}
        return drawn(
            Table({"": numbers, "text": given, **scores, "nearest": [n + 1 for n in nearest]})
        )

    if plot is not None:
        from albertkit.cli.heatmap import write_heatmap

        write_heatmap(near, given, plot)
    table = Table({"text": given, "nearest": nearest, "similarity": near})
    give(table, form, output, on_screen=on_screen)
