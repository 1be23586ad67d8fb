"""`albertkit prepare-distillation`: tokenize texts, and store a teacher's vectors with them."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from albertkit.cli.corpus import NewDirectory, Texts, Tokenizer, find_corpus
from albertkit.cli.options import FETCH, Column, takes_load_options, takes_read_options
from albertkit.cli.output import print_status
from albertkit.errors.exceptions import count_noun
from albertkit.fileformats.atomic import refuse_files
from albertkit.runtime.options import LoadOptions
from albertkit.tables.formats import ReadOptions


@takes_read_options
@takes_load_options(*FETCH)
def prepare_distillation(
    texts: Texts,
    *,
    vectors: Annotated[
        Path,
        typer.Option(
            "--vectors",
            help="The teacher's vectors, one for each text: .npy, [N, D], or the directory "
            "of an embed job with -f npy.",
        ),
    ],
    tokenizer: Tokenizer,
    output: NewDirectory,
    triplets: Annotated[
        str | None,
        typer.Option(
            "--triplets",
            metavar="FILE",
            help="A table: anchor, positive, negative; the last may be empty.",
        ),
    ] = None,
    read: ReadOptions,
    column: Column = None,
    load: LoadOptions,
) -> None:
    """Store texts with a teacher's vectors, for distil."""
    refuse_files(output)
    from albertkit.pretraining.distillation_dataset import (
        read_teacher,
        write_distillation_dataset,
    )
    from albertkit.pretraining.triplets import read_triplets
    from albertkit.tables import read_texts
    from albertkit.tokenization import AlbertTokenizer

    targets = read_teacher(vectors)
    pieces = AlbertTokenizer.from_pretrained(tokenizer, **asdict(load.fetch_options))
    inputs = find_corpus(texts, column, read)
    lines = [text for text in read_texts(inputs, column=column) if text]
    numbers = read_triplets(triplets, lines) if triplets else None
    write_distillation_dataset(output, pieces.encode_batch(lines), targets, pieces, numbers)
    count, width = count_noun(len(lines), "text"), targets[0].shape[1]
    print_status(f"{count} with {width} numbers of the teacher each written to {output}")
