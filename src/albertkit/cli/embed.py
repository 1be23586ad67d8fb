"""`albertkit embed`: a vector for each text, printed, in a file, or in a directory of shards."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albertkit.cli import options
from albertkit.cli.computing import computes
from albertkit.errors import InputError
from albertkit.sources import VECTORS

if TYPE_CHECKING:
    from albertkit.runtime import Computing
    from albertkit.scale import Workers


class EmbedForm(StrEnum):
    """How vectors are printed, or what the files of a directory are."""

    TABLE = "table"
    JSONL = "jsonl"
    JSONL_GZ = "jsonl.gz"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"
    NPY = "npy"


class ClusterChoice(StrEnum):
    """Who makes a directory's files, if not this process."""

    RAY = "ray"


class VectorChoice(StrEnum):
    """The type of a vector's numbers."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    UINT8 = "uint8"
    BINARY = "binary"
    UBINARY = "ubinary"


PRINTED = (EmbedForm.TABLE, EmbedForm.JSONL, EmbedForm.CSV)
SHARDED = (
    EmbedForm.PARQUET,
    EmbedForm.ARROW,
    EmbedForm.NPY,
    EmbedForm.JSONL,
    EmbedForm.JSONL_GZ,
)


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
    input_kind: options.Kind = None,
    column: options.Column = None,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep",
            metavar="A,B",
            help="Columns that go beside the vectors, in place of the text.",
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out rows that are no text, and list them.")
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
    computing: Computing,
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
    """Give a vector for each text."""
    if output == "":
        raise InputError("usage", "--output has no name", fix="Give a file, or a directory: out/")
    sharded = output is not None and _is_directory(output)
    if output is not None and form is not None and not sharded:
        raise InputError(
            "usage",
            "both --format and --output are given",
            why="a file's kind is what its name ends in",
            fix="Leave --format out",
        )
    _check_form(form, SHARDED if sharded else PRINTED)
    if not sharded and (resume or shard_rows is not None):
        raise InputError(
            "usage",
            f"--{'resume' if resume else 'shard-rows'} is given without a directory",
            why="only a directory holds parts that are whole",
            fix="Give --output out/",
        )
    if [*(texts or ()), *(inputs or ())].count("-") > 1:
        raise InputError(
            "usage",
            "standard input is named twice",
            why="what was read there is gone",
            fix="Name it once",
        )
    if output is not None and not sharded and "://" in output:
        raise InputError(
            "usage",
            f"--output {output} is a file",
            why="on other file systems only directories are written, each file of them whole",
            fix="Give a directory's name, which ends in /, or write the file here and copy it",
        )
    _check_cluster(on, sharded, {"address": address, "workers": workers, "cores": cores})
    from albertkit.tasks.embed_job import SHARD_ROWS, EmbedJob

    job = EmbedJob(
        tuple(inputs or ()),
        input_kind=input_kind.value if input_kind else None,
        column=column,
        keep=tuple(keep.split(",")) if keep else (),
        skip_bad=skip_bad,
        shard_rows=SHARD_ROWS if shard_rows is None else shard_rows,
        model=model,
        pooling=pooling.value if pooling else None,
        policy=policy,
        truncation=truncation.value,
        prompt_name=prompt_name,
        normalize_embeddings=normalize,
        truncate_dim=truncate_dim,
        vectors=vectors.value,
        **computing,
    )
    if output is not None and sharded:
        from albertkit.cli.embed_job import run_sharded

        run_sharded(
            job,
            texts or (),
            output,
            form.value if form else "parquet",
            resume=resume,
            workers=_workers(address, workers, cores) if on else None,
        )
    else:
        from albertkit.cli.embed_windows import run_streamed

        run_streamed(job, texts or (), form.value if form else None, output)


def _is_directory(output: str) -> bool:
    from albertkit.rows.remote_path import path_of

    return output.endswith("/") or not path_of(output).suffix or Path(output).is_dir()


def _check_form(form: EmbedForm | None, choice: tuple[EmbedForm, ...]) -> None:
    if form is not None and form not in choice:
        raise InputError(
            "usage",
            f"--format is {form.value}",
            why=f"{'printed' if choice is PRINTED else 'in a directory'} it can be "
            f"{', '.join(choice)}",
            fix="Give --output out/" if choice is PRINTED else "Take one of these",
        )


def _check_cluster(
    on: ClusterChoice | None, sharded: bool, given: Mapping[str, str | int | None]
) -> None:
    named = next((name for name, value in given.items() if value is not None), None)
    if on is None and named is not None:
        raise InputError(
            "usage",
            f"--{named} is given without --on",
            why="this process alone needs none",
            fix="Give --on ray, or leave it out",
        )
    if on is not None and not sharded:
        raise InputError(
            "usage",
            f"--on {on.value} is given without a directory",
            why="each worker writes files of its own",
            fix="Give --output out/",
        )


def _workers(address: str | None, count: int | None, cores: int | None) -> Workers:
    from albertkit.scale import Workers

    return Workers(address, count, cores or 1)
