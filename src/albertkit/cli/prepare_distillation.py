"""`albertkit prepare-distillation`: tokenize texts, and store a teacher's vectors with them."""

from pathlib import Path
from typing import Annotated

import typer

from albertkit.cli.corpus import Corpus, NewDirectory, Tokenizer, read_lines


def prepare_distillation(
    texts: Corpus,
    *,
    vectors: Annotated[
        Path,
        typer.Option(
            "--vectors",
            help="The teacher's vectors, one for each line of text: .npy, [N, D], or the directory "
            "of an embed job with -f npy.",
        ),
    ],
    tokenizer: Tokenizer,
    output: NewDirectory,
) -> None:
    """Store texts with a teacher's vectors, for distil."""
    from albertkit.pretraining.distillation_dataset import (
        read_teacher,
        write_distillation_dataset,
    )
    from albertkit.tokenization import AlbertTokenizer

    targets = read_teacher(vectors)
    pieces = AlbertTokenizer.from_pretrained(tokenizer)
    encodings = pieces.encode_batch([line for line in read_lines(texts) if line])
    write_distillation_dataset(output, encodings, targets, pieces)
