"""A command that prints results, or writes one file: windows of rows, as they are computed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit import tables
from albertkit.cli.input_texts import find_sources, no_text_error
from albertkit.cli.output import (
    format_json_rows,
    open_standard_output,
    print_status,
    shows_progress,
)
from albertkit.errors import InputError
from albertkit.errors.exceptions import count_noun
from albertkit.tables import InvalidRow, RowBatch, Table
from albertkit.tables.table import number_batches
from albertkit.tasks.encode import ProgressLine
from albertkit.tasks.inputs import FIRST_WINDOW, RowWindows
from albertkit.tasks.job import JobCall, TableJob

if TYPE_CHECKING:
    from albertkit.tables import Inputs
    from albertkit.tables.writers.files import ColumnTypes

WriteTable = Callable[[Table], None]
EstimateRows = Callable[[], int | None]  # None: not known yet
SkipRows = Callable[[Sequence[InvalidRow]], object]


def run_streamed(
    job: TableJob,
    arguments: Sequence[str],
    print_format: str | None,
    output: str | None,
    *,
    cells: Mapping[str, str] | None = None,
    for_people: Callable[[Table, int], Table] | None = None,
) -> None:
    """Write the results of each window of rows when they are computed.

    Args:
        job: what to compute.
        arguments: texts, or "-" for standard input; they come before the job's files.
        print_format: None: a table on a terminal, JSON lines in a pipe.
        output: the file; None: standard output.
        cells: the other columns of texts that are arguments.
        for_people: makes the table that a terminal shows of a window's results and the number of
            rows before it.
    """
    path = None if output is None else Path(output)
    if path is not None:
        tables.check_output(path)
        tables.check_output_not_input(path, job.locations)
        if job.skip_invalid:
            tables.check_output_not_input(_invalid_rows_path(path), job.locations)
        job.check_output(path)
    batches, estimate, types = _read_rows(job, arguments, cells or {})
    on_terminal = path is None and sys.stdout.isatty()
    progress = None
    if shows_progress() and not on_terminal:
        progress = ProgressLine(estimate(), estimate=estimate, delay=1)
    calls: list[JobCall] = []
    if path is None:
        writer = _print_tables(print_format or ("table" if on_terminal else "jsonl"), for_people)
    else:
        writer = _write_file(path, types, calls)
    # a reader of standard output is answered soon; ranges and int8 need the texts of a full window
    first_window = FIRST_WINDOW if path is None and job.can_begin_small else None
    count = 0
    with writer as write:
        with _list_invalid_rows(path, progress) as skip:
            windows = RowWindows(
                batches,
                skip,
                first_window,
                with_texts=job.with_texts,
                characters=job.characters,
            )
            if windows.has_rows():
                calls.append(job.start(job.open(), progress))
                for table in _compute_tables(calls[0], windows, progress):
                    write(table)
                    count += len(table)
        if not calls:  # raised here, so that the invalid rows are listed too
            raise no_text_error(job.locations)
    if path is not None:
        print_status(f"{count_noun(count, 'row')} written to {path}")


def _compute_tables(
    call: JobCall, windows: RowWindows, progress: ProgressLine | None
) -> Iterator[Table]:
    """The results of each window; at the end the progress bar ends and warnings are logged."""
    try:
        with closing(call.tables(windows, is_live=True)) as results:
            yield from results
    finally:
        if progress is not None:
            progress.close()
        call.report.log()


def _read_rows(
    job: TableJob, arguments: Sequence[str], cells: Mapping[str, str]
) -> tuple[Iterator[RowBatch], EstimateRows, ColumnTypes]:
    """The rows in their order, the estimate of their number, and the types of kept columns."""
    sources = find_sources(arguments, job.locations, job.column, job.read)
    parts = [
        (iter([_make_row(source, job, cells)]), lambda: 1)
        if isinstance(source, str)
        else _read_inputs(job, source)
        for source in sources
    ]

    def estimate() -> int | None:
        counts = [count() for _, count in parts]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    types = next((job.column_types(item) for item in sources if not isinstance(item, str)), None)
    if types is None:
        types = job.own_types()
    return number_batches(batches for batches, _ in parts), estimate, types


def _read_inputs(job: TableJob, inputs: Inputs) -> tuple[Iterator[RowBatch], EstimateRows]:
    estimate = tables.RowEstimate(inputs)
    return job.read_rows(inputs, estimate=estimate), estimate.rows


def _make_row(text: str, job: TableJob, cells: Mapping[str, str]) -> RowBatch:
    if job.kept_columns:
        option = "--files" if job.read.files else "--keep"
        raise InputError(
            "usage",
            f"{option} is given, and a text as argument",
            why="an argument has no columns" if job.keep else "an argument is not a file",
            fix=f"Give --input FILE, or leave {option} out",
        )
    missing = next((name for name in job.columns if name not in cells), None)
    if missing is not None:
        raise InputError(
            "usage",
            f"the column {missing!r} is named, and a text is an argument",
            why="an argument has no columns",
            fix="Give --input FILE, or leave the name of the column out",
        )
    return RowBatch([text], {name: [cell] for name, cell in cells.items()}, 0)


@contextmanager
def _print_tables(
    print_format: str, for_people: Callable[[Table, int], Table] | None
) -> Iterator[WriteTable]:
    """Print each table at once: the reader of a pipe does not wait for the last one."""
    is_first = True
    rows = 0

    def write(table: Table) -> None:
        nonlocal is_first, rows
        match print_format:
            case "jsonl":
                tables.write_jsonl(table, sys.stdout)
            case "json":
                print(f"{'[' if is_first else ','}\n{format_json_rows(table)}", end="")
            case "csv":
                tables.write_csv(table, sys.stdout, header=is_first)
            case _:
                from albertkit.cli.screen import draw_table  # pipes do not need it

                print(draw_table(for_people(table, rows) if for_people else table))
        is_first = False
        rows += len(table)
        sys.stdout.flush()

    with open_standard_output(has_output=True):
        yield write
        if print_format == "json" and not is_first:
            print("\n]")


@contextmanager
def _write_file(path: Path, types: ColumnTypes, calls: Sequence[JobCall]) -> Iterator[WriteTable]:
    """Write one file, whole or not at all, and the files that the first of the calls adds to it."""
    try:
        with tables.create_table(
            path, types, before_rename=lambda: calls[0].write_other_files(path)
        ) as writer:
            yield writer.write
    except KeyboardInterrupt:
        print_status(f"stopped: nothing was written to {path}")
        raise


@contextmanager
def _list_invalid_rows(path: Path | None, progress: ProgressLine | None) -> Iterator[SkipRows]:
    """List invalid rows in `<path>.invalid.jsonl`; without a path print a line for each."""
    if path is None:
        yield lambda rows: print_invalid_rows(rows, progress)
        return
    list_path = _invalid_rows_path(path)
    with tables.create_invalid_row_list(list_path) as row_list:
        yield row_list.add
    if row_list.rows:
        print_status(f"{count_noun(row_list.rows, 'invalid row')} listed in {list_path}")


def _invalid_rows_path(path: Path) -> Path:
    """The list of the rows that a file of results leaves out."""
    return path.with_name(f"{path.name}.invalid.jsonl")


def print_invalid_rows(rows: Sequence[InvalidRow], progress: ProgressLine | None = None) -> None:
    """Print a line for each row that is left out."""
    for row in rows:
        if progress is not None:
            progress.clear()
        print_status(f"{row.file}: row {row.row} {row.why}")
