"""`albertkit search`: the rows that are nearest to each query."""

from typing import Annotated

import typer

from albertkit.cli import options
from albertkit.cli.input_texts import read_texts
from albertkit.cli.options import takes_load_options, takes_read_options
from albertkit.cli.output import check_output, write_result
from albertkit.errors import InputError
from albertkit.runtime.options import LoadOptions
from albertkit.tables.formats import ReadOptions


@takes_read_options
@takes_load_options()
def search(
    queries: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUERY]...", help='Queries in quotes; "-": one on each line of standard input.'
        ),
    ] = None,
    *,
    inputs: options.SearchedInputs = None,
    queries_file: Annotated[
        str | None,
        typer.Option("--queries", metavar="FILE", help="A file of queries, one on each line."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Rows to show for each query.")] = 10,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="Only rows that meet this condition: 'lang=en', 'year>=2000'. May be repeated.",
        ),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            metavar="A,B",
            help="Show only the best row of each value of these columns; default: of each document,"
            " if rows are parts of documents.",
        ),
    ] = None,
    index: options.Index = None,
    cache: options.Cache = None,
    read: ReadOptions,
    column: options.Column = None,
    keep: options.Keep = None,
    skip_invalid: options.SkipInvalid = False,
    model: options.VectorsModel = None,
    vectors: options.NewVectors = None,
    chunk: options.Chunk = None,
    overlap: options.Overlap = None,
    markdown: options.Markdown = False,
    truncation: options.LongTexts = "warn",
    load: LoadOptions,
    print_format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Find the texts that are nearest to a query.

    All texts are compared with each query. The score is the cosine: 1 for the same text, near 0
    for an unrelated one; with vectors of bits (binary, ubinary) only its order has a meaning. Rows
    are numbered from 1.
    """
    check_output(print_format, output, [*(inputs or ()), *([queries_file] if queries_file else ())])
    wanted = _read_queries(queries, queries_file)
    from albertkit.cli.search_input import SearchInput
    from albertkit.cli.search_output import draw_hits, make_hit_table
    from albertkit.tasks.row_filter import Condition
    from albertkit.tasks.search_texts import CorpusOptions

    groups = options.split_names([group_by] if group_by else None)
    conditions = [Condition.parse(text) for text in where or ()]  # refused before any compute
    source = SearchInput(
        tuple(inputs or ()),
        read=read,
        column=column,
        keep=options.split_names(keep),
        named=(*(condition.column for condition in conditions), *groups),
        index=index,
        cache=cache,
        model=model,
        load=load,
        corpus=CorpusOptions(vectors, chunk, overlap, markdown),
        truncation=truncation,
        skip_invalid=skip_invalid,
    )
    search = source.open()
    if not groups and "part" in search.columns:  # parts of documents
        groups = tuple(name for name in ("file", "row") if name in search.columns)
    results = search(wanted, k, where=where or None, group_by=groups)
    table = make_hit_table(wanted, results)
    write_result(table, print_format, output, for_people=lambda: draw_hits(wanted, results))


def _read_queries(queries: list[str] | None, file: str | None) -> list[str]:
    try:
        return read_texts(queries, [file] if file else None, None, ReadOptions())
    except InputError as error:
        if error.diagnostic.code != "texts-missing":
            raise
        raise InputError(
            "texts-missing",
            "there is no query",
            why=error.diagnostic.why,
            fix="Give queries in quotes, in a file (--queries FILE), or in a pipe",
        ) from None
