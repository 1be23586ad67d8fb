"""`albertkit embed` to standard output or into one file: windows of rows, as they are computed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit import tables
from albertkit.cli.input_texts import find_sources, no_text
from albertkit.cli.output import json_rows, open_standard_output, print_status, shows_progress
from albertkit.errors import InputError
from albertkit.errors.exceptions import count_noun
from albertkit.tables import InvalidRow, RowBatch, Table
from albertkit.tables.table import number_batches
from albertkit.tasks.embed_job import EmbedJob
from albertkit.tasks.encode import ProgressLine
from albertkit.tasks.inputs import FIRST_WINDOW, RowWindows
from albertkit.tasks.vector_types import VectorCast

if TYPE_CHECKING:
    from albertkit.tables import Inputs
    from albertkit.tables.writers.files import ColumnTypes

WriteTable = Callable[[Table], None]
EstimateRows = Callable[[], int | None]  # None: not known yet
SkipRows = Callable[[Sequence[InvalidRow]], object]


def run_streamed(
    job: EmbedJob, arguments: Sequence[str], print_format: str | None, output: str | None
) -> None:
    """Write the vectors of each window of rows when they are computed.

    Args:
        job: the vectors to compute.
        arguments: texts, or "-" for standard input; they come before the job's files.
        print_format: None: a table on a terminal, JSON lines in a pipe.
        output: the file; None: standard output.
    """
    path = None if output is None else Path(output)
    if path is not None:
        tables.check_output(path)
        tables.check_output_not_input(path, job.locations)
    batches, estimate, types = _read_rows(job, arguments)
    on_terminal = path is None and sys.stdout.isatty()
    progress = None
    if shows_progress() and not on_terminal:
        progress = ProgressLine(estimate(), estimate=estimate, delay=1)
    cast = VectorCast(job.encode.precision)
    if path is None:
        writer = _print_tables(print_format or ("table" if on_terminal else "jsonl"))
    else:
        writer = _write_file(path, types, cast)
    # a reader of standard output is answered soon; ranges and int8 need the texts of a full window
    is_printed = path is None and not cast.needs_ranges and job.load.precision != "int8"
    first_window = FIRST_WINDOW if is_printed else None
    count = 0
    with writer as write:
        with _list_invalid_rows(path, progress) as skip:
            windows = RowWindows(batches, skip, first_window, with_texts=not job.keep)
            texts = windows.texts()
            first = next(texts, None)
            if first is not None:
                call = job.call(job.embedder(), progress)
                with closing(call.run(chain([first], texts), is_live=True)) as answers:
                    for answer in answers:
                        table = windows.table(answer, cast)
                        write(table)
                        count += len(table)
        if first is None:  # raised here, so that the invalid rows are listed all the same
            raise no_text(job.locations)
    if path is not None:
        print_status(f"{count_noun(count, 'row')} written to {path}")


def _read_rows(
    job: EmbedJob, arguments: Sequence[str]
) -> tuple[Iterator[RowBatch], EstimateRows, ColumnTypes]:
    """The rows in their order, the estimate of their number, and the types of kept columns."""
    sources = find_sources(arguments, job.locations, job.column, job.read)
    parts = [
        (iter([_row_of_argument(source, job)]), lambda: 1)
        if isinstance(source, str)
        else _read_inputs(job, source)
        for source in sources
    ]

    def estimate() -> int | None:
        counts = [count() for _, count in parts]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    types = next(
        (source.types(job.kept_columns) for source in sources if not isinstance(source, str)), {}
    )
    return number_batches(batches for batches, _ in parts), estimate, types


def _read_inputs(job: EmbedJob, inputs: Inputs) -> tuple[Iterator[RowBatch], EstimateRows]:
    estimate = tables.RowEstimate(inputs)
    batches = tables.read_batches(
        inputs,
        column=job.column,
        keep=job.kept_columns,
        skip_invalid=job.skip_invalid,
        estimate=estimate,
    )
    return batches, estimate.rows


def _row_of_argument(text: str, job: EmbedJob) -> RowBatch:
    if job.kept_columns:
        option = "--files" if job.read.files else "--keep"
        raise InputError(
            "usage",
            f"{option} is given, and a text as argument",
            why="an argument has no columns" if job.keep else "an argument is no file",
            fix=f"Give --input FILE, or leave {option} out",
        )
    return RowBatch([text], {}, 0)


@contextmanager
def _print_tables(print_format: str) -> Iterator[WriteTable]:
    """Print each table at once: the reader of a pipe does not wait for the last one."""
    is_first = True

    def write(table: Table) -> None:
        nonlocal is_first
        match print_format:
            case "jsonl":
                tables.write_jsonl(table, sys.stdout)
            case "json":
                print(f"{'[' if is_first else ','}\n{json_rows(table)}", end="")
            case "csv":
                tables.write_csv(table, sys.stdout, header=is_first)
            case _:
                from albertkit.cli.screen import draw_table  # pipes do not need it

                print(draw_table(table))
        is_first = False
        sys.stdout.flush()

    with open_standard_output():
        yield write
        if print_format == "json" and not is_first:
            print("\n]")


@contextmanager
def _write_file(path: Path, types: ColumnTypes, cast: VectorCast) -> Iterator[WriteTable]:
    """Write one file, whole or not at all, and the ranges of 8-bit vectors in another."""
    from albertkit.tasks.vector_file import ranges_writer  # printed vectors do not need it

    try:
        with tables.new_table(path, types, before_rename=ranges_writer(path, cast)) as writer:
            yield writer.write
    except KeyboardInterrupt:
        print_status(f"stopped: nothing was written to {path}")
        raise


@contextmanager
def _list_invalid_rows(path: Path | None, progress: ProgressLine | None) -> Iterator[SkipRows]:
    """List invalid rows in `<path>.invalid.jsonl`; without a path print a line for each."""
    if path is None:
        yield lambda rows: _print_invalid_rows(rows, progress)
        return
    list_path = path.with_name(f"{path.name}.invalid.jsonl")
    with tables.new_invalid_row_list(list_path) as row_list:
        yield row_list.add
    if row_list.rows:
        print_status(f"{count_noun(row_list.rows, 'invalid row')} listed in {list_path}")


def _print_invalid_rows(rows: Sequence[InvalidRow], progress: ProgressLine | None) -> None:
    for row in rows:
        if progress is not None:
            progress.clear()
        print_status(f"{row.file}: row {row.row} {row.why}")
