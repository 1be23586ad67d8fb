"""`albertkit classify`: labels of texts, printed, in a file, or in a directory of shards."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from albertkit.cli import options
from albertkit.cli.destination import Destination
from albertkit.cli.options import takes_destination, takes_load_options, takes_read_options
from albertkit.runtime.options import LoadOptions
from albertkit.sources import WORDS
from albertkit.tables.formats import ReadOptions
from albertkit.tasks.options import ClassifyOptions, ScoreFunction

if TYPE_CHECKING:
    from albertkit.tables import Table


@takes_read_options
@takes_load_options()
@takes_destination(options.JobFormat)
def classify(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    read: ReadOptions,
    column: options.Column = None,
    pair_column: Annotated[
        str | None,
        typer.Option("--pair-column", help="The column of the second text of each pair."),
    ] = None,
    pair: Annotated[
        str | None,
        typer.Option(
            "--pair", metavar="TEXT", help="The second text of a pair, one for each TEXT."
        ),
    ] = None,
    keep: options.JobKeep = None,
    skip_invalid: options.SkipInvalid = False,
    model: options.TunedModel = WORDS,
    top_k: Annotated[
        int, typer.Option("--top-k", "-k", help="Show the scores of this many labels.")
    ] = 1,
    abstain_below: Annotated[
        float | None,
        typer.Option("--abstain-below", help="Give no label if its score is below this, 0 to 1."),
    ] = None,
    function: Annotated[
        ScoreFunction | None,
        typer.Option("--function", help="How logits become scores; default: as the config says."),
    ] = None,
    truncation: options.Truncation = "warn",
    load: LoadOptions,
    destination: Destination,
) -> None:
    """Label each text."""
    destination.check()
    from albertkit.tasks.head_jobs import ClassifyJob

    job = ClassifyJob(
        tuple(inputs or ()),
        read=read,
        column=column,
        keep=options.split_names(keep),
        skip_invalid=skip_invalid,
        model=model,
        load=load,
        truncation=truncation,
        pair_column=pair_column if pair is None else "text_pair",
        options=ClassifyOptions(
            top_k=top_k, abstain_below=abstain_below, function_to_apply=function
        ),
    )
    destination.run(
        job,
        texts or (),
        cells={} if pair is None else {"text_pair": pair},
        for_people=show_labels,
    )


def show_labels(table: "Table", before: int) -> "Table":
    """The table with lists of labels and scores as text."""
    from albertkit.tables import Table

    columns: dict[str, Any] = dict(table.columns)
    if "labels" in columns:
        columns["labels"] = [", ".join(labels) for labels in columns["labels"]]
    if "scores" in columns:
        columns["scores"] = [
            ", ".join(f"{item['label']} {item['score']:.4f}" for item in items)
            for items in columns["scores"]
        ]
    return Table(columns)
