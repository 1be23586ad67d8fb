"""`albertkit embed` to standard output or into one file: windows of rows as they are answered."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit import tables
from albertkit.cli.input_texts import named_in_order, no_text
from albertkit.cli.output import to_standard_output
from albertkit.errors import InputError
from albertkit.errors.wording import count_noun
from albertkit.tables import InvalidRow, RowBatch, Table
from albertkit.tables.batch import number_batches
from albertkit.tasks.jobs.embed_job import EmbedJob
from albertkit.tasks.progress import ProgressLine
from albertkit.tasks.row_windows import RowWindows
from albertkit.tasks.vector_file import VECTOR, ranges_beside
from albertkit.tasks.vector_types import VectorCast

if TYPE_CHECKING:
    from albertkit.tables import Inputs
    from albertkit.tables.writers.files import Types

Write = Callable[[Table], None]
Count = Callable[[], int | None]  # of rows; None: nobody knows yet
LeaveOut = Callable[[Sequence[InvalidRow]], object]


def run_streamed(
    job: EmbedJob, arguments: Sequence[str], form: str | None, output: str | None
) -> None:
    """Windows of rows as they are answered, to standard output or into one file."""
    place = None if output is None else Path(output)
    if place is not None:
        tables.check_output(place)
        tables.check_output_not_input(place, job.places)
    batches, estimate, types = _rows(job, arguments)
    on_screen = place is None and sys.stdout.isatty()
    line = _line(estimate) if sys.stderr.isatty() and not on_screen else None
    cast = VectorCast(job.vectors)
    if place is None:
        writing = _printing(form or ("table" if on_screen else "jsonl"))
    else:
        writing = _filing(place, types, cast)
    count = 0
    with writing as write:
        with _leaving_out(place, line) as leave_out:
            windows = RowWindows(batches, leave_out)
            texts = windows.texts()
            first = next(texts, None)
            if first is not None:
                call = job.call(job.embedder(), line)
                with closing(call.told(chain([first], texts))) as answers:
                    for vectors in answers:
                        write(Table({**windows.columns(), VECTOR: cast.of(vectors)}))
                        count += len(vectors)
        if first is None:  # the invalid rows are listed nevertheless
            raise no_text()
    if place is not None:
        _say(f"{count_noun(count, 'row')} written to {place}")


def _line(estimate: Count) -> ProgressLine:
    return ProgressLine(estimate(), estimate=estimate, patience=1)


def _rows(job: EmbedJob, arguments: Sequence[str]) -> tuple[Iterator[RowBatch], Count, Types]:
    """The rows in the order in which they are named; about how many, as far as is known; and the
    types of the columns that are kept.

    Raises as `named_in_order` and `read_batches` do.
    """
    named = named_in_order(arguments, job.places, job.column, job.input_format)
    parts = [
        (iter([_argument(each, job)]), lambda: 1) if isinstance(each, str) else _read(job, each)
        for each in named
    ]

    def estimate() -> int | None:
        counts = [count() for _, count in parts]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    types = next((each.types(job.keep) for each in named if not isinstance(each, str)), {})
    return number_batches(batches for batches, _ in parts), estimate, types


def _read(job: EmbedJob, inputs: Inputs) -> tuple[Iterator[RowBatch], Count]:
    estimate = tables.RowEstimate(inputs)
    batches = tables.read_batches(
        inputs, column=job.column, keep=job.keep, skip_invalid=job.skip_invalid, estimate=estimate
    )
    return batches, estimate.rows


def _argument(text: str, job: EmbedJob) -> RowBatch:
    if job.keep:
        raise InputError(
            "usage",
            "--keep is given, and a text as argument",
            why="that has no columns",
            fix="Give --input FILE, or leave --keep out",
        )
    return RowBatch([text], {}, 0)


@contextmanager
def _printing(form: str) -> Iterator[Write]:
    """Each window as it comes: the reader of a pipe need not wait for the last."""
    header = True

    def write(table: Table) -> None:
        nonlocal header
        match form:
            case "jsonl":
                tables.write_jsonl(table, sys.stdout)
            case "csv":
                tables.write_csv(table, sys.stdout, header=header)
            case _:
                from albertkit.cli.screen import drawn  # what a pipe gets is not drawn

                print(drawn(table))
        header = False
        sys.stdout.flush()

    with to_standard_output():
        yield write


@contextmanager
def _filing(place: Path, types: Types, cast: VectorCast) -> Iterator[Write]:
    """One file, whole or not at all; beside it the ranges of bytes."""
    with tables.new_table(place, types, beside=ranges_beside(place, cast)) as writer:
        yield writer.write


@contextmanager
def _leaving_out(place: Path | None, line: ProgressLine | None) -> Iterator[LeaveOut]:
    """List invalid rows as they come in a file next to `place`, or print a line for each."""
    if place is None:
        yield lambda invalid: _tell_bad(invalid, line)
        return
    beside = place.with_name(f"{place.name}.invalid.jsonl")
    with tables.new_invalid_row_list(beside) as listed:
        yield listed.add
    if listed.rows:
        _say(f"{count_noun(listed.rows, 'invalid row')} listed in {beside}")


def _tell_bad(left_out: Sequence[InvalidRow], line: ProgressLine | None) -> None:
    for invalid in left_out:
        if line is not None:
            line.make_way()
        _say(f"{invalid.file}: row {invalid.row} {invalid.why}")


def _say(line: str) -> None:
    print(line, file=sys.stderr)
