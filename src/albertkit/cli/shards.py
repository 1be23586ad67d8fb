"""`albertkit shards`: tokenize a corpus for pretraining."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli.corpus import (
    Corpus,
    NewDirectory,
    SkipInvalid,
    Tokenizer,
    find_corpus,
    read_lines,
)
from albertkit.cli.options import FETCH, Column, takes_load_options, takes_read_options
from albertkit.cli.output import print_status, shows_progress
from albertkit.runtime.options import LoadOptions
from albertkit.tables.formats import ReadOptions

if TYPE_CHECKING:
    from albertkit.pretraining.shards import ShardCounts
    from albertkit.tables import RowEstimate
    from albertkit.tasks.encode import ProgressLine


@takes_read_options
@takes_load_options(*FETCH)
def shards(
    corpus: Corpus,
    *,
    tokenizer: Tokenizer,
    output: NewDirectory,
    max_seq_length: Annotated[
        int,
        typer.Option(
            "--max-seq-length",
            min=19,
            help="Length of training sequences; changes only the printed statistics.",
        ),
    ] = 512,
    read: ReadOptions,
    column: Column = None,
    skip_invalid: SkipInvalid = False,
    load: LoadOptions,
) -> None:
    """Tokenize a corpus for pretraining."""
    from albertkit.errors.exceptions import count_noun
    from albertkit.pretraining.documents import read_documents
    from albertkit.pretraining.sentence_order import ADDED
    from albertkit.pretraining.shards import SHORTEST, write_shard
    from albertkit.tables import RowEstimate
    from albertkit.tokenization import AlbertTokenizer

    inputs = find_corpus(corpus, column, read)
    estimate = None if "-" in corpus else RowEstimate(inputs)
    progress = _Progress(estimate)
    lines = read_lines(
        inputs,
        column,
        skip_invalid=skip_invalid,
        estimate=estimate,
        count_rows=progress.count_rows,
    )
    try:
        written = write_shard(
            output,
            read_documents(lines),
            AlbertTokenizer.from_pretrained(tokenizer, **asdict(load.fetch_options)),
            report=progress.report,
        )
    finally:
        progress.close()
    room = max_seq_length - ADDED
    long_sentences = written.count_longer(room)
    counts = (
        count_noun(len(written), "document"),
        count_noun(len(written.sentence_offsets) - 1, "sentence"),
        count_noun(len(written.ids), "piece"),
    )
    print(f"{', '.join(counts)} written to {output}", file=sys.stderr)
    print(
        f"one epoch fills at least {count_noun(-(-len(written.ids) // room), 'sequence')} "
        f"of {max_seq_length}",
        file=sys.stderr,
    )
    if long_sentences:
        print(
            f"{count_noun(long_sentences, 'sentence')} of more than {room} pieces: training cuts "
            "them and learns no order from them",
            file=sys.stderr,
        )
    if short := written.metadata.short_documents:
        print(f"{count_noun(short, 'document')} left out: below {SHORTEST} pieces", file=sys.stderr)


class _Progress:
    """The estimated size of the shard, printed once, and a bar on a terminal.

    Args:
        estimate: of the rows in the corpus; None for a pipe.
    """

    def __init__(self, estimate: "RowEstimate | None") -> None:
        self.estimate, self.rows, self.counted_rows = estimate, 0, 0
        self.is_estimated = False
        self.bar: ProgressLine | None = None
        if shows_progress():
            from albertkit.tasks import encode

            self.bar = encode.ProgressLine(None, estimate=self.total, unit=" rows")

    def total(self) -> int | None:
        """The estimated rows in all."""
        return self.estimate.rows() if self.estimate else None

    def count_rows(self, count: int) -> None:
        """Count lines, or a table's rows, that are read."""
        self.rows += count

    def report(self, counts: "ShardCounts") -> None:
        """Print the estimate when the first documents are written, and move the bar."""
        total = self.total()
        if not self.is_estimated and total and total > self.rows:
            ratio = total / self.rows
            if self.bar:
                self.bar.clear()
            print_status(
                f"about {counts.pieces * ratio / 1e6:,.1f} M pieces "
                f"and {counts.size * ratio / 1e6:,.1f} MB in all, from the first {self.rows:,} "
                f"of about {total:,} rows"
            )
        self.is_estimated = True
        if self.bar:
            self.bar(self.rows - self.counted_rows)
            self.counted_rows = self.rows

    def close(self) -> None:
        """End the bar's line."""
        if self.bar:
            self.bar.close()
