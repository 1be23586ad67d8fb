"""What commands show of rows: a table for programs, and fewer rows of it for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from albertkit.arrays import Int64Array
from albertkit.cli.output import print_status
from albertkit.cli.screen import draw_table, format_cell, make_bold
from albertkit.tables import Table

if TYPE_CHECKING:
    from albertkit.tables.table import Column
    from albertkit.tasks.search import Hit, Search

TERMINAL_ROWS = 100
LONGEST_PATH = 28  # characters of a path on a terminal
ROW = "row"


def make_hit_table(queries: Sequence[str], results: Sequence[Sequence[Hit]]) -> Table:
    """All results: query, rank (from 1), score, row (from 1), and the columns."""
    hits = [hit for query_hits in results for hit in query_hits]
    pairs = zip(queries, results, strict=True)
    columns: dict[str, Column] = {
        "query": [query for query, query_hits in pairs for _ in query_hits],
        "rank": [rank for query_hits in results for rank, _ in enumerate(query_hits, 1)],
        "score": np.array([hit["score"] for hit in hits], np.float32),
    }
    return Table(add_columns(columns, _collect_columns(hits)))


def draw_hits(queries: Sequence[str], results: Sequence[Sequence[Hit]]) -> str:
    """A table for each query; a line with the query above it if there are several."""
    return "\n\n".join(
        "\n".join(_draw_query(query, hits, has_title=len(queries) > 1))
        for query, hits in zip(queries, results, strict=True)
    )


def add_columns(columns: Mapping[str, Column], others: Mapping[str, Column]) -> dict[str, Column]:
    """The columns of a command and those of its rows; a name of both gets "_" at its end."""
    renamed = {f"{name}_" if name in columns else name: cells for name, cells in others.items()}
    return {**columns, **renamed}


def describe_rows(
    search: Search, ids: Int64Array, names: Sequence[str] | None = None
) -> dict[str, list[Any]]:
    """The numbers of some rows (from 1), and their other columns.

    Args:
        search: Has the rows.
        ids: Which rows, from 0.
        names: The other columns. None: all.
    """
    has_rows = ROW in search.columns
    rows = search.cells(ROW, ids) if has_rows else (ids + 1).tolist()
    others = [name for name in (search.columns if names is None else names) if name != ROW]
    return {ROW: rows, **{name: search.cells(name, ids) for name in others}}


def draw_first_rows(table: Table) -> str:
    """The table for people; on a terminal its first rows, and a note on the others."""
    columns: Mapping[str, Any] = {
        name: [f"{cell:.4f}" for cell in column] if isinstance(column, np.ndarray) else column
        for name, column in table.columns.items()
    }
    if sys.stdout.isatty() and len(table) > TERMINAL_ROWS:
        hidden = len(table) - TERMINAL_ROWS
        print_status(f"{hidden:,} more rows are not shown; --output FILE writes all of them")
        columns = {name: column[:TERMINAL_ROWS] for name, column in columns.items()}
    return draw_table(Table(columns))


def _draw_query(query: str, hits: Sequence[Hit], *, has_title: bool) -> Iterator[str]:
    if has_title:
        yield make_bold(format_cell(query))
    if hits:
        scores = [f"{hit['score']:.4f}" for hit in hits]
        yield draw_table(Table({"score": scores, **_shorten(_collect_columns(hits))}))
    else:
        yield "no row fulfils the conditions"


def _shorten(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The columns for a table: of a part its characters alone, of a long path its end."""
    names = ("part", "start", "end")
    shown = {name: column for name, column in columns.items() if name not in names}
    if all(name in columns for name in names):
        spans = zip(columns["start"], columns["end"], strict=True)
        shown = {**shown, "characters": [f"{start}-{end}" for start, end in spans]}
        if "text" in shown:  # the longest comes last
            shown["text"] = shown.pop("text")
    if "file" in shown and sys.stdout.isatty():
        shown["file"] = [
            name if len(name) <= LONGEST_PATH else f"…{name[-LONGEST_PATH:]}"
            for name in map(str, shown["file"])
        ]
    return shown


def _collect_columns(hits: Sequence[Hit]) -> dict[str, list[Any]]:
    """The columns of the rows, their numbers first; whole files have names instead."""
    names = [name for name in (hits[0] if hits else ()) if name not in (ROW, "corpus_id", "score")]
    columns = {name: [hit[name] for hit in hits] for name in names}
    if "file" in columns and ROW not in hits[0]:
        return columns
    return {ROW: [hit.get(ROW, hit["corpus_id"] + 1) for hit in hits], **columns}
