"""`albertkit embed`: vectors of texts, printed, in a file, or in a directory of shards."""

from typing import Annotated, Literal, TypeAlias

import typer

from albertkit.cli import options
from albertkit.cli.destination import Destination
from albertkit.cli.options import takes_destination, takes_load_options, takes_read_options
from albertkit.runtime.options import LoadOptions
from albertkit.sources import VECTORS
from albertkit.tables.formats import ReadOptions
from albertkit.tasks.options import EncodeOptions, PartsMode, VectorType

VectorFormat: TypeAlias = Literal[
    "table", "json", "jsonl", "jsonl.gz", "csv", "parquet", "arrow", "npy"
]
VectorFormatOption = Annotated[
    VectorFormat | None,
    typer.Option(
        "--format",
        "-f",
        help="Printed vectors: table (default on a terminal), jsonl (default in a pipe), json,"
        " csv. Files of a directory: parquet (default; jsonl without pyarrow), arrow, npy,"
        " jsonl, jsonl.gz.",
    ),
]


@takes_read_options
@takes_load_options()
@takes_destination(VectorFormatOption)
def embed(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    read: ReadOptions,
    column: options.Column = None,
    keep: options.JobKeep = None,
    skip_invalid: options.SkipInvalid = False,
    model: options.Model = VECTORS,
    pooling: Annotated[
        options.Pooling | None,
        typer.Option("--pooling", help="How token vectors become one; default: the model's own."),
    ] = None,
    normalize: Annotated[
        bool, typer.Option("--normalize", help="Scale each vector to length 1.")
    ] = False,
    truncate_dim: Annotated[
        int | None, typer.Option("--truncate-dim", help="Truncate vectors to this many dimensions.")
    ] = None,
    vectors: Annotated[
        VectorType, typer.Option("--vectors", help="Number type of the vectors.")
    ] = "float32",
    prompt_name: Annotated[
        str | None,
        typer.Option("--prompt-name", help="Name of the model's prompt to put before each text."),
    ] = None,
    truncation: options.LongTexts = "warn",
    chunk: options.Chunk = None,
    overlap: options.Overlap = None,
    parts: Annotated[
        PartsMode,
        typer.Option("--parts", help="A row for each part, or the mean of each text's parts."),
    ] = "rows",
    markdown: options.Markdown = False,
    load: LoadOptions,
    destination: Destination,
) -> None:
    """Compute a vector for each text."""
    destination.check()
    from albertkit.tasks.embed_job import EmbedJob

    job = EmbedJob(
        tuple(inputs or ()),
        read=read,
        column=column,
        keep=options.split_names(keep),
        skip_invalid=skip_invalid,
        model=model,
        load=load,
        pooling=pooling,
        truncation=truncation,
        encode=EncodeOptions(
            prompt_name=prompt_name,
            normalize_embeddings=normalize,
            truncate_dim=truncate_dim,
            precision=vectors,
            chunk=chunk,
            overlap=overlap or 0,
            parts=parts,
            markdown=markdown,
        ),
    )
    destination.run(job, texts or ())
