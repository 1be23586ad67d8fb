"""`albertkit tag`: spans of texts, such as names, printed, in a file, or in a directory."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from albertkit.cli import options
from albertkit.cli.destination import Destination
from albertkit.cli.options import takes_destination, takes_load_options, takes_read_options
from albertkit.runtime.options import LoadOptions
from albertkit.sources import WORDS
from albertkit.tables.formats import ReadOptions
from albertkit.tasks.options import Aggregation, TagOptions

if TYPE_CHECKING:
    from albertkit.tables import Table


@takes_read_options
@takes_load_options()
@takes_destination(options.JobFormat)
def tag(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    read: ReadOptions,
    column: options.Column = None,
    keep: options.JobKeep = None,
    skip_invalid: options.SkipInvalid = False,
    model: options.TunedModel = WORDS,
    aggregation: Annotated[
        Aggregation,
        typer.Option(
            "--aggregation",
            help="What a result is: a piece (none), a span (simple), or a span of whole words"
            " whose tag is that of the first piece, of the mean or of the highest score.",
        ),
    ] = "simple",
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="A,B", help="Labels to leave out; default: O."),
    ] = None,
    load: LoadOptions,
    destination: Destination,
) -> None:
    """Find spans such as names in each text.

    Start and end count characters of the text, from 0.
    """
    destination.check()
    from albertkit.tasks.head_jobs import TagJob

    job = TagJob(
        tuple(inputs or ()),
        read=read,
        column=column,
        keep=options.split_names(keep),
        skip_invalid=skip_invalid,
        model=model,
        load=load,
        options=TagOptions(
            aggregation_strategy=aggregation,
            ignore_labels=("O",) if ignore is None else options.split_names(ignore),
        ),
    )
    destination.run(job, texts or (), for_people=show_entities)


def show_entities(table: "Table", before: int) -> "Table":
    """A row for each result, with the number of its text; a text without results has one."""
    from albertkit.tables import Table

    names = ("entity", "score", "word", "start", "end")
    entities: Any = table.columns["entities"]
    nothing = dict.fromkeys(names, "")
    listed = [
        (number, item)
        for number, items in enumerate(entities, before + 1)
        for item in items or [nothing]
    ]
    return Table(
        {
            "text": [number for number, _ in listed],
            **{name: [item[name] for _, item in listed] for name in names},
        }
    )
