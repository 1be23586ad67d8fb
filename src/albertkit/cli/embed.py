"""`albertkit embed`: a vector for each text, printed, in a file, or in a directory of shards."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from albertkit.cli import options
from albertkit.cli.embed_output import ClusterChoice, EmbedForm, Output
from albertkit.cli.input_texts import STANDARD_INPUT
from albertkit.cli.model_options import computes
from albertkit.errors import InputError
from albertkit.sources import VECTORS


class VectorChoice(StrEnum):
    """The type of a vector's numbers."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    UINT8 = "uint8"
    BINARY = "binary"
    UBINARY = "ubinary"


@computes
def embed(
    texts: options.Texts = None,
    *,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            help="Lines, .csv, .tsv, .jsonl, .parquet, .arrow, compressed or not, or a directory"
            " of them. May be repeated.",
        ),
    ] = None,
    input_format: options.Kind = None,
    column: options.Column = None,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep",
            metavar="A,B",
            help="Columns that go beside the vectors, in place of the text.",
        ),
    ] = None,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave out rows that are no text, and list them.")
    ] = False,
    model: options.Model = VECTORS,
    pooling: Annotated[
        options.PoolingChoice | None,
        typer.Option("--pooling", help="How token vectors become one; default: the model's own."),
    ] = None,
    normalize: Annotated[
        bool, typer.Option("--normalize", help="Give each vector the length 1.")
    ] = False,
    truncate_dim: Annotated[
        int | None, typer.Option("--truncate-dim", help="Keep so many numbers of each vector.")
    ] = None,
    vectors: Annotated[
        VectorChoice, typer.Option("--vectors", help="The type of the vectors' numbers.")
    ] = VectorChoice.FLOAT32,
    prompt_name: Annotated[
        str | None, typer.Option("--prompt-name", help="Put this prompt of the model before texts.")
    ] = None,
    truncation: options.Truncation = options.TooLong.WARN,
    policy: options.Policy = None,
    computing: "dict[str, Any]",
    form: Annotated[
        EmbedForm | None,
        typer.Option(
            "--format",
            "-f",
            help="How to print: table (on a terminal), jsonl (in a pipe), csv; or what the files"
            " of a directory are: parquet, arrow, npy, jsonl, jsonl.gz.",
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
        typer.Option("--shard-rows", help="Rows of one file in a directory; default: 100,000."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the directory's job where it stopped.")
    ] = False,
    on: Annotated[
        ClusterChoice | None,
        typer.Option("--on", help="Have a directory's files made by the workers of a cluster."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", help="HOST:PORT of a cluster, or auto; default: one is started."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, help="At most so many at a time; default: as many as have room."
        ),
    ] = None,
    cores: Annotated[
        int | None, typer.Option("--cores", min=1, help="Of each worker; default: 1.")
    ] = None,
) -> None:
    """Compute a vector for each text."""
    to = Output(
        place=output,
        form=form,
        shard_rows=shard_rows,
        resume=resume,
        on=on,
        address=address,
        workers=workers,
        cores=cores,
    )
    to.check()
    _check_read_once([*(texts or ()), *(inputs or ())])
    from albertkit.runtime import LoadOptions
    from albertkit.tasks.jobs.embed_job import SHARD_ROWS, EmbedJob

    job = EmbedJob(
        tuple(inputs or ()),
        input_format=input_format.value if input_format else None,
        column=column,
        keep=tuple(keep.split(",")) if keep else (),
        skip_invalid=skip_invalid,
        shard_rows=SHARD_ROWS if shard_rows is None else shard_rows,
        model=model,
        pooling=pooling.value if pooling else None,
        truncation=truncation.value,
        prompt_name=prompt_name,
        normalize_embeddings=normalize,
        truncate_dim=truncate_dim,
        vectors=vectors.value,
        load=LoadOptions(policy=policy, **computing),
    )
    if output is not None and to.is_directory:
        from albertkit.cli.embed_job import run_sharded

        run_sharded(
            job,
            texts or (),
            output,
            form.value if form else "parquet",
            resume=resume,
            workers=to.cluster(),
        )
    else:
        from albertkit.cli.embed_windows import run_streamed

        run_streamed(job, texts or (), form.value if form else None, output)


def _check_read_once(named: Sequence[str]) -> None:
    if named.count(STANDARD_INPUT) > 1:
        raise InputError(
            "usage",
            "standard input is named twice",
            why="what was read there is gone",
            fix="Name it once",
        )
