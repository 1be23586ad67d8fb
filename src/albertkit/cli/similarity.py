"""`albertkit similarity`: texts with one another, with the texts of a file, or pair by pair."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli import options
from albertkit.cli.input_texts import read_texts
from albertkit.cli.options import takes_load_options, takes_read_options
from albertkit.cli.output import check_output, print_status, shows_progress, write_result
from albertkit.errors import InputError
from albertkit.runtime.options import LoadOptions
from albertkit.sources import VECTORS
from albertkit.tables.formats import ReadOptions
from albertkit.tasks.options import LongTextMode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from albertkit.tables import Table
    from albertkit.tables.table import Column
    from albertkit.tasks.embed import TextEmbedder

MATRIX_TEXTS = 20  # of more texts a terminal shows only the nearest of each
MOST_MATRIX_TEXTS = 5000  # whose matrix is 25 million numbers


@takes_read_options
@takes_load_options()
def similarity(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="FILE",
            help="Compare each text with the texts of this file, not with one another.",
        ),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", min=1, help="Show only this many nearest texts of each text."),
    ] = None,
    pairs: Annotated[
        str | None,
        typer.Option("--pairs", metavar="A,B", help="Compare two columns of a table, row by row."),
    ] = None,
    read: ReadOptions,
    column: options.Column = None,
    model: options.Model = VECTORS,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the table as an image: .png, .svg or .pdf.")
    ] = None,
    truncation: options.LongTexts = "warn",
    load: LoadOptions,
    print_format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Compare texts: the cosine of each pair.

    The cosine of equal texts is 1, of unrelated texts near 0. Texts are numbered from 1.
    """
    is_matrix = not (pairs or against or top_k)
    check_output(print_format, output, [*(inputs or ()), *(against or ())], has_matrix=is_matrix)
    _check_options(pairs, against, top_k, plot)
    if plot is not None:
        from albertkit.cli.heatmap import check_plot

        check_plot(plot)
    if pairs is not None:
        table = _compare_columns(
            pairs, texts, inputs, read, lambda: _open_embedder(model, truncation, load)
        )
        draw = lambda: _draw_first(table)  # noqa: E731
    else:
        compared = read_texts(texts, inputs, column, read)
        others = read_texts((), against, None, ReadOptions()) if against else None
        if others is None:
            _check_count(len(compared), top_k)
        embedder = _open_embedder(model, truncation, load)
        if others is not None or top_k is not None:
            table = _find_nearest(compared, others, top_k or 1, embedder)
            draw = lambda: _draw_first(table)  # noqa: E731
        else:
            table, draw = _compare_all(compared, embedder, plot)
    write_result(table, print_format, output, for_people=draw)


def _open_embedder(model: str, truncation: LongTextMode, load: LoadOptions) -> "TextEmbedder":
    from albertkit.tasks.embed import TextEmbedder

    return TextEmbedder(model, truncation=truncation, **load.keywords())


def _compare_all(
    texts: list[str], embedder: "TextEmbedder", plot: Path | None
) -> "tuple[Table, Callable[[], str]]":
    """Each text with each other, and how a terminal shows it."""
    import numpy as np

    from albertkit.cli.screen import draw_table
    from albertkit.tables import Table

    shows_bar = shows_progress() and len(texts) > MATRIX_TEXTS
    vectors = embedder.encode(texts, show_progress_bar=shows_bar)
    scores = embedder.similarity(vectors, vectors)  # [N, N]
    others = scores.copy()
    np.fill_diagonal(others, -np.inf)
    nearest = (others.argmax(1) + 1).tolist()
    numbers = list(range(1, len(texts) + 1))
    if plot is not None:
        from albertkit.cli.heatmap import write_heatmap

        write_heatmap(scores, texts, plot)
        print_status(f"Image written to {plot}")

    def draw() -> str:
        if len(texts) <= MATRIX_TEXTS:
            columns = {str(n): [f"{score:.2f}" for score in scores[:, n - 1]] for n in numbers}
            return draw_table(Table({"": numbers, "text": texts, **columns, "nearest": nearest}))
        rows = {
            "": numbers,
            "text": texts,
            "nearest": nearest,
            "score": [f"{score:.2f}" for score in others.max(1)],
            "text of nearest": [texts[n - 1] for n in nearest],
        }
        return _draw_first(Table(rows))

    return Table({"row": numbers, "text": texts, "nearest": nearest, "similarity": scores}), draw


def _find_nearest(
    texts: list[str], others: list[str] | None, k: int, embedder: "TextEmbedder"
) -> "Table":
    """The nearest of the others for each text, or the nearest of the texts themselves."""
    import numpy as np

    from albertkit.tables import Table
    from albertkit.tasks.search import Search
    from albertkit.tasks.search_texts import find_empty

    search = Search(
        texts if others is None else others, embedder, show_progress_bar=shows_progress()
    )
    compared = np.flatnonzero(~find_empty(texts))  # an empty text is near to nothing
    if others is None:
        queries = search.corpus.rows(compared)
    else:
        queries = embedder.encode(
            [texts[row] for row in compared.tolist()], show_progress_bar=shows_progress()
        )
    results = search(queries, k + (others is None), show_progress_bar=shows_progress())
    hits = [
        (row, hit)
        for row, all_hits in zip(compared.tolist(), results, strict=True)
        for hit in [hit for hit in all_hits if others or hit["corpus_id"] != row][:k]
    ]
    return Table(
        {
            "row": [row + 1 for row, _ in hits],
            "text": [texts[row] for row, _ in hits],
            "score": np.array([hit["score"] for _, hit in hits], np.float32),
            "nearest": [hit["corpus_id"] + 1 for _, hit in hits],
            "text of nearest": [hit["text"] for _, hit in hits],
        }
    )


def _compare_columns(
    pairs: str,
    texts: "Sequence[str] | None",
    inputs: "Sequence[str] | None",
    read: ReadOptions,
    open_embedder: "Callable[[], TextEmbedder]",
) -> "Table":
    """Two columns of a table, row by row."""
    import numpy as np

    from albertkit.cli.search_input import read_rows
    from albertkit.tables import Table

    names = options.split_names([pairs])
    if len(names) != 2 or texts or not inputs:
        raise InputError(
            "usage",
            f"--pairs is {pairs!r}" if len(names) != 2 else "--pairs is given without a table",
            why="it names two columns of a table",
            fix="Give two names, and the table: --pairs question,answer --input table.csv",
        )
    left, columns = read_rows(tuple(inputs), read, names[0], names[1:])
    right = ["" if cell is None else str(cell) for cell in columns[names[1]]]
    embedder = open_embedder()
    vectors = embedder.encode([*left, *right], show_progress_bar=shows_progress())
    scores = embedder.similarity_pairwise(vectors[: len(left)], vectors[len(left) :])
    places: dict[str, Column] = {n: columns[n] for n in ("file", "row") if n in columns}
    return Table(
        {**places, "score": np.asarray(scores, np.float32), names[0]: left, names[1]: right}
    )


def _draw_first(table: "Table") -> str:
    from albertkit.cli.search_output import draw_first_rows

    return draw_first_rows(table)


def _check_options(
    pairs: str | None, against: list[str] | None, top_k: int | None, plot: Path | None
) -> None:
    """Raise InputError [usage] for options that do not fit together."""
    given = {
        "--pairs": pairs is not None,
        "--against": bool(against),
        "--top-k": top_k is not None,
        "--plot": plot is not None,
    }
    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1 and names != ["--against", "--top-k"]:
        raise InputError(
            "usage",
            f"{' and '.join(names)} are given",
            why="each shows something else",
            fix=f"Leave {names[-1]} out",
        )


def _check_count(count: int, top_k: int | None) -> None:
    if count < 2:
        raise InputError(
            "texts-missing",
            "there is one text",
            why="a comparison needs two",
            fix="Give more texts, each in quotes",
        )
    if count > MOST_MATRIX_TEXTS and top_k is None:
        raise InputError(
            "usage",
            f"there are {count:,} texts",
            why=f"all their cosines would be {count * count:,} numbers",
            fix="Give --top-k 3 for the nearest texts of each, or see albertkit duplicates --help",
        )
