"""The verbs that make a model: vocabulary, shard, pretrain, lessons, distil.

Corpora are UTF-8 text, one paragraph a line, an empty line after each document; `-` is standard
input, so that packed files can be piped in.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

Corpus = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help='Text files; "-" is standard input.')
]
Tokenizer = Annotated[
    Path, typer.Option("--tokenizer", "-t", help="A directory or a SentencePiece model.")
]
NewFile = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]
NewDirectory = Annotated[Path, typer.Option("--output", "-o", help="The directory to write.")]
Recipe = Annotated[Path, typer.Argument(metavar="RECIPE", help="A TOML file; see recipes/.")]
RunPlace = Annotated[
    Path, typer.Option("--run", help="Where the run is kept; it goes on from what is there.")
]
Threads = Annotated[int | None, typer.Option("--threads", help="Threads of torch.")]


def vocabulary(
    corpus: Corpus,
    *,
    output: NewFile,
    size: Annotated[int, typer.Option("--size", help="Pieces, specials included.")] = 30_000,
    sentences: Annotated[
        int, typer.Option("--sentences", help="Lines to sample at most.")
    ] = 10_000_000,
) -> None:
    """Train a SentencePiece vocabulary with ALBERT's flags."""
    from albertkit.fileformats.atomic import write_file
    from albertkit.pretraining.vocabulary import train_vocabulary

    model = train_vocabulary(lines_of(corpus), size=size, sentences=sentences)
    write_file(output, model)


def shard(corpus: Corpus, *, tokenizer: Tokenizer, output: NewDirectory) -> None:
    """Tokenise a corpus for pretraining."""
    from albertkit.pretraining.documents import documents
    from albertkit.pretraining.shards import pieces_by, write_shard
    from albertkit.tokenization import AlbertTokenizer

    pieces = AlbertTokenizer.from_pretrained(tokenizer)
    made = write_shard(
        output, documents(lines_of(corpus)), pieces_by(pieces), vocab_size=pieces.vocab_size
    )
    print(f"{len(made):,} documents, {len(made.ids):,} pieces", file=sys.stderr)


def pretrain(
    recipe: Recipe, *, run: RunPlace, output: NewDirectory, threads: Threads = None
) -> None:
    """Pretrain an ALBERT: masked words and sentence order."""
    use_torch(threads)
    from albertkit.pretraining import pretrain as room
    from albertkit.pretraining.export import export
    from albertkit.pretraining.recipe import read_recipe

    read = read_recipe(recipe, room.CorpusRecipe)
    export(room.pretrain(read, run), read.tokenizer(), output)


def lessons(
    texts: Corpus,
    *,
    vectors: Annotated[
        Path, typer.Option("--vectors", help="The teacher's vectors of the lines: .npy [N, D].")
    ],
    tokenizer: Tokenizer,
    output: NewDirectory,
) -> None:
    """Tokenise texts beside their teacher's vectors for distillation."""
    import numpy as np

    from albertkit.pretraining.distillation_dataset import write_lessons
    from albertkit.tokenization import AlbertTokenizer

    encodings = AlbertTokenizer.from_pretrained(tokenizer).encode_batch(
        [line for line in lines_of(texts) if line]
    )
    write_lessons(output, encodings, np.load(vectors, mmap_mode="r"))


def distil(recipe: Recipe, *, run: RunPlace, output: NewDirectory, threads: Threads = None) -> None:
    """Teach an ALBERT another model's sentence vectors."""
    use_torch(threads)
    from albertkit.pretraining import distillation as room
    from albertkit.pretraining.export import export
    from albertkit.pretraining.recipe import read_recipe
    from albertkit.spec.pooling_config import Normalise, PoolingConfig

    read = read_recipe(recipe, room.DistillationConfig)
    plan = PoolingConfig(steps=(Normalise(),), max_length=read.data.width)
    export(room.distil(read, run), read.tokenizer(), output, vectors=plan)


def lines_of(files: list[Path]) -> Iterator[str]:
    """The lines of all files, one file after another; each file ends a document."""
    from albertkit.tables import read_texts

    for file in files:
        yield from read_texts(file)
        yield ""


def use_torch(threads: int | None) -> None:
    """Set torch's threads; raises ResourceError [extra-missing] where there is no torch."""
    from albertkit.errors.extras import extra_missing

    if find_spec("torch") is None:
        raise extra_missing("torch", "training")
    if threads is not None:
        from albertkit.training.loop import set_threads

        set_threads(threads)
