"""`albertkit duplicates`: texts that say almost the same, in groups."""

from typing import Annotated

import typer

from albertkit.cli import options
from albertkit.cli.options import takes_load_options, takes_read_options
from albertkit.cli.output import check_output, print_status, shows_progress, write_result
from albertkit.errors.arguments import check_cosine
from albertkit.errors.exceptions import count_noun
from albertkit.runtime.options import LoadOptions
from albertkit.tables.formats import ReadOptions


@takes_read_options
@takes_load_options()
def duplicates(
    *,
    inputs: options.SearchedInputs = None,
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold", min=-1, max=1, help="Smallest cosine of two texts that are duplicates."
        ),
    ] = 0.9,
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
    """Find texts that say almost the same.

    A row is a duplicate of the nearest earlier row that is not a duplicate itself, if their cosine
    reaches the threshold. Each group begins with the row to keep. Rows are numbered from 1.
    """
    check_output(print_format, output, inputs)
    check_cosine("--threshold", threshold)
    from albertkit.cli.search_input import SearchInput
    from albertkit.cli.search_output import add_columns, describe_rows, draw_first_rows
    from albertkit.tables import Table
    from albertkit.tables.table import Column
    from albertkit.tasks.duplicates import find_duplicates, group_duplicates, make_unit_vectors
    from albertkit.tasks.encode import ProgressLine
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
    progress = ProgressLine(len(search), unit=" rows", delay=1) if shows_progress() else None
    try:
        nearest, scores = find_duplicates(make_unit_vectors(search.corpus), threshold, progress)
    finally:
        if progress is not None:
            progress.close()
    groups, ids = group_duplicates(nearest)
    rows = describe_rows(search, ids)
    first = describe_rows(search, nearest[ids], names=())["row"]
    is_kept = nearest[ids] == ids
    columns: dict[str, Column] = {
        "group": (groups + 1).tolist(),
        "row": rows.pop("row"),
        "duplicate_of": [None if kept else row for kept, row in zip(is_kept, first, strict=True)],
        "score": scores[ids],
    }
    table = Table(add_columns(columns, rows))
    removed = len(ids) - int(is_kept.sum())
    print_status(
        f"{count_noun(removed, 'duplicate')} in {count_noun(int(is_kept.sum()), 'group')}, among"
        f" {count_noun(len(search), 'row')}; {len(search) - removed:,} without duplicates"
    )
    write_result(table, print_format, output, for_people=lambda: draw_first_rows(table))
