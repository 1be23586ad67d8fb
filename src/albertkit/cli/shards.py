"""`albertkit shards`: tokenize a corpus for pretraining."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
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
from albertkit.errors import InputError
from albertkit.runtime.options import LoadOptions
from albertkit.tables.formats import ReadOptions

if TYPE_CHECKING:
    from albertkit.pretraining.shards import ShardCounts
    from albertkit.tables import RowEstimate
    from albertkit.tasks.encode import ProgressLine
    from albertkit.tokenization import AlbertTokenizer


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
    valid: Annotated[
        Path | None,
        typer.Option("--valid", help="A second directory, for held-out documents."),
    ] = None,
    valid_every: Annotated[
        int,
        typer.Option("--valid-every", min=2, help="Hold out one document of this many."),
    ] = 100,
    read: ReadOptions,
    column: Column = None,
    skip_invalid: SkipInvalid = False,
    load: LoadOptions,
) -> None:
    """Tokenize a corpus for pretraining."""
    from albertkit.pretraining.documents import read_documents, take_training, take_valid
    from albertkit.pretraining.shards import SHORTEST, check_new_shard
    from albertkit.tables import RowEstimate
    from albertkit.tokenization import AlbertTokenizer

    if valid is not None and "-" in corpus:
        raise InputError(
            "usage",
            "--valid is given, and the corpus is standard input",
            why="the corpus is read twice",
            fix="Give files, or leave --valid out",
        )
    if valid is not None and valid.resolve() == output.resolve():
        raise InputError(
            "usage",
            f"--output and --valid are both {str(output)!r}",
            why="the two parts of the corpus need a directory each",
            fix="Give another directory",
        )
    for directory in (output, valid):
        if directory is not None:
            check_new_shard(directory)
    inputs = find_corpus(corpus, column, read)
    pieces = AlbertTokenizer.from_pretrained(tokenizer, **asdict(load.fetch_options))

    def write(directory: Path, take: Callable[[Iterator[list[str]]], Iterator[list[str]]]) -> None:
        progress = _Progress(None if "-" in corpus else RowEstimate(inputs))
        lines = read_lines(
            inputs,
            column,
            skip_invalid=skip_invalid,
            estimate=progress.estimate,
            count_rows=progress.count_rows,
        )
        _write(directory, take(read_documents(lines)), pieces, progress, max_seq_length)

    if valid is None:
        write(output, lambda all_documents: all_documents)
        return
    write(valid, lambda all_documents: take_valid(all_documents, valid_every))
    try:
        write(output, lambda all_documents: take_training(all_documents, valid_every))
    except BaseException as error:
        shutil.rmtree(valid)  # both or neither
        if isinstance(error, InputError) and error.diagnostic.code == "corpus-empty":
            raise InputError(
                "corpus-empty",
                "all documents are held out",
                why=f"the first of every {valid_every} is, and no other has {SHORTEST} pieces",
                fix="End each document with an empty line, or leave --valid out",
            ) from error
        raise


def _write(
    directory: Path,
    documents: Iterator[list[str]],
    tokenizer: "AlbertTokenizer",
    progress: "_Progress",
    max_seq_length: int,
) -> None:
    """Write a shard, and print what is in it."""
    from albertkit.errors.exceptions import count_noun
    from albertkit.pretraining.sentence_order import ADDED
    from albertkit.pretraining.shards import SHORTEST, write_shard

    try:
        written = write_shard(directory, documents, tokenizer, report=progress.report)
    finally:
        progress.close()
    room = max_seq_length - ADDED
    long_sentences = written.count_longer(room)
    counts = (
        count_noun(len(written), "document"),
        count_noun(len(written.sentence_offsets) - 1, "sentence"),
        count_noun(len(written.ids), "piece"),
    )
    print_status(f"{', '.join(counts)} written to {directory}")
    print_status(
        f"one epoch fills at least {count_noun(-(-len(written.ids) // room), 'sequence')} "
        f"of {max_seq_length}"
    )
    if long_sentences:
        print_status(
            f"{count_noun(long_sentences, 'sentence')} of more than {room} pieces: training cuts "
            "them and learns no order from them"
        )
    if short := written.metadata.short_documents:
        print_status(f"{count_noun(short, 'document')} left out: below {SHORTEST} pieces")


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
