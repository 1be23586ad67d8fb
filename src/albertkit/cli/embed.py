"""`albertkit embed`: vectors of texts, printed, in a file, or in a directory of shards."""

from typing import Annotated

import typer

from albertkit.cli import options
from albertkit.cli.embed_output import ClusterName, Destination, VectorFormat
from albertkit.cli.options import takes_load_options, takes_read_options
from albertkit.runtime.options import LoadOptions
from albertkit.sources import VECTORS
from albertkit.tables.formats import ReadOptions
from albertkit.tasks.options import EncodeOptions, VectorType


@takes_read_options
@takes_load_options()
def embed(
    texts: options.Texts = None,
    *,
    inputs: options.Inputs = None,
    read: ReadOptions,
    column: options.Column = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="A,B",
            help="Write these columns with the vectors, instead of the text. May be repeated.",
        ),
    ] = None,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Skip rows that hold no text, and list them.")
    ] = False,
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
    truncation: options.Truncation = "warn",
    load: LoadOptions,
    vector_format: Annotated[
        VectorFormat | None,
        typer.Option(
            "--format",
            "-f",
            help="Printed vectors: table (default on a terminal), jsonl (default in a pipe), json,"
            " csv. Files of a directory: parquet (default; jsonl without pyarrow), arrow, npy,"
            " jsonl, jsonl.gz.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="A file (.parquet, .arrow, .npy, .jsonl, .jsonl.gz, .csv, .tsv), or a directory"
            " for a long job: out/.",
        ),
    ] = None,
    shard_rows: Annotated[
        int | None,
        typer.Option("--shard-rows", help="Rows of each file of a directory; default: 100,000."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a directory's job where it stopped.")
    ] = False,
    on: Annotated[
        ClusterName | None,
        typer.Option("--on", help="Run the job of a directory on the workers of a Ray cluster."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            help="HOST:PORT of the cluster, or auto; default: RAY_ADDRESS, else a cluster of"
            " this machine.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Maximum number of workers; default: as many as fit into the cluster.",
        ),
    ] = None,
    cores: Annotated[
        int | None, typer.Option("--cores", min=1, help="Cores of each worker; default: 1.")
    ] = None,
) -> None:
    """Compute a vector for each text."""
    destination = Destination(
        output=output,
        vector_format=vector_format,
        shard_rows=shard_rows,
        resume=resume,
        on=on,
        address=address,
        workers=workers,
        cores=cores,
    )
    destination.check()
    from albertkit.tasks.jobs.embed_job import SHARD_ROWS, EmbedJob

    columns = [name.strip() for names in keep or () for name in names.split(",")]
    job = EmbedJob(
        tuple(inputs or ()),
        read=read,
        column=column,
        keep=tuple(name for name in columns if name),
        skip_invalid=skip_invalid,
        shard_rows=SHARD_ROWS if shard_rows is None else shard_rows,
        model=model,
        load=load,
        pooling=pooling,
        truncation=truncation,
        encode=EncodeOptions(
            prompt_name=prompt_name,
            normalize_embeddings=normalize,
            truncate_dim=truncate_dim,
            precision=vectors,
        ),
    )
    if output is not None and destination.is_directory:
        from albertkit.cli.embed_job import run_sharded

        run_sharded(
            job, texts or (), output, vector_format, resume=resume, workers=destination.cluster()
        )
    else:
        from albertkit.cli.embed_windows import run_streamed

        run_streamed(job, texts or (), vector_format, output)
