"""`albertkit vocabulary`: train a SentencePiece model on a corpus."""

import sys
from typing import Annotated

import typer

from albertkit.cli.corpus import Corpus, NewFile, read_lines


def vocabulary(
    corpus: Corpus,
    *,
    output: NewFile,
    size: Annotated[
        int, typer.Option("--size", min=1, help="Number of pieces, special pieces included.")
    ] = 30_000,
    sentences: Annotated[
        int, typer.Option("--sentences", min=1, help="Sample at most this many lines.")
    ] = 10_000_000,
) -> None:
    """Train a SentencePiece vocabulary like ALBERT's."""
    from albertkit.fileformats.atomic import write_file
    from albertkit.pretraining.vocabulary import train_vocabulary

    model = train_vocabulary(read_lines(corpus), size=size, sentences=sentences)
    write_file(output, model)
    print(f"{size:,} pieces written to {output}", file=sys.stderr)
