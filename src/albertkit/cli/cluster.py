"""`albertkit cluster`: groups of texts around central ones."""

from typing import Annotated

import typer

from albertkit.cli import options
from albertkit.cli.options import takes_load_options, takes_read_options
from albertkit.cli.output import check_output, print_status, shows_progress, write_result
from albertkit.errors.arguments import check_cosine
from albertkit.errors.exceptions import count_noun
from albertkit.runtime.options import LoadOptions
from albertkit.tables.formats import ReadOptions

SHOWN_TEXTS = 3  # texts of a cluster on a terminal


@takes_read_options
@takes_load_options()
def cluster(
    *,
    inputs: options.SearchedInputs = None,
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold", min=-1, max=1, help="Smallest cosine of a text with the central one."
        ),
    ] = 0.75,
    min_size: Annotated[
        int, typer.Option("--min-size", min=1, help="Smallest number of texts in a cluster.")
    ] = 10,
    index: options.Index = None,
    cache: options.Cache = None,
    read: ReadOptions,
    column: options.Column = None,
    keep: options.Keep = None,
    skip_invalid: options.SkipInvalid = False,
    model: options.VectorsModel = None,
    vectors: options.NewVectors = None,
    truncation: options.LongTexts = "warn",
    load: LoadOptions,
    print_format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Group texts around central ones.

    The largest cluster comes first. Each cluster begins with its central text, then come the
    texts nearest to it. A text is in one cluster at most. Rows are numbered from 1.
    """
    check_output(print_format, output, inputs)
    check_cosine("--threshold", threshold)
    import numpy as np

    from albertkit.cli.search_input import SearchInput
    from albertkit.cli.search_output import add_columns, describe_rows, draw_first_rows
    from albertkit.tables import Table
    from albertkit.tasks.duplicates import make_unit_vectors
    from albertkit.tasks.mining import community_detection
    from albertkit.tasks.search_texts import CorpusOptions

    search = SearchInput(
        tuple(inputs or ()),
        read=read,
        column=column,
        keep=options.split_names(keep),
        index=index,
        cache=cache,
        model=model,
        load=load,
        corpus=CorpusOptions(vectors),
        truncation=truncation,
        skip_invalid=skip_invalid,
    ).open()
    clusters = community_detection(
        make_unit_vectors(search.corpus),
        threshold,
        min_size,
        show_progress_bar=shows_progress() and len(search) > 20_000,
    )

    def make_table(most: int | None) -> Table:
        shown = [ids[:most] for ids in clusters]
        ids = np.array([row for ids in shown for row in ids], np.int64)
        numbers = [number for number, rows in enumerate(shown, 1) for _ in rows]
        sizes = [len(clusters[number - 1]) for number in numbers]
        return Table(add_columns({"cluster": numbers, "size": sizes}, describe_rows(search, ids)))

    in_clusters = sum(map(len, clusters))
    print_status(
        f"{count_noun(len(clusters), 'cluster')} with {in_clusters:,} of"
        f" {count_noun(len(search), 'text')}"
        + ("" if clusters else "; for more lower --threshold or --min-size")
    )
    write_result(
        make_table(None),
        print_format,
        output,
        for_people=lambda: draw_first_rows(make_table(SHOWN_TEXTS)),
    )
