"""`albertkit embed`: vectors of texts, printed, in a file, or in a directory of shards."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

import typer

from albertkit.cli import options
from albertkit.cli.options import takes_load_options, takes_read_options
from albertkit.errors import InputError
from albertkit.runtime.options import LoadOptions
from albertkit.sources import VECTORS
from albertkit.tables.formats import ReadOptions
from albertkit.tasks.options import EncodeOptions, PartsMode, VectorType

if TYPE_CHECKING:
    from albertkit.distributed import Workers

VectorFormat: TypeAlias = Literal[
    "table", "json", "jsonl", "jsonl.gz", "csv", "parquet", "arrow", "npy"
]
Printed: TypeAlias = Literal["table", "json", "jsonl", "csv"]
Sharded: TypeAlias = Literal["parquet", "arrow", "npy", "jsonl", "jsonl.gz"]
ClusterName: TypeAlias = Literal["ray"]


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
    truncation: options.LongTexts = "warn",
    chunk: Annotated[
        int | None,
        typer.Option(
            "--chunk",
            metavar="IDS",
            help="Cut texts into parts of at most this many ids (128 is usual), at sentences where"
            " possible; a row for each part, with its number and its first and last character.",
        ),
    ] = None,
    overlap: Annotated[
        int,
        typer.Option("--overlap", metavar="IDS", help="Ids at most that neighbouring parts share."),
    ] = 0,
    parts: Annotated[
        PartsMode,
        typer.Option("--parts", help="A row for each part, or the mean of each text's parts."),
    ] = "rows",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Leave out Markdown's markup before texts are read.")
    ] = False,
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
    from albertkit.tasks.embed_job import SHARD_ROWS, EmbedJob

    job = EmbedJob(
        tuple(inputs or ()),
        read=read,
        column=column,
        keep=options.split_names(keep),
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
            chunk=chunk,
            overlap=overlap,
            parts=parts,
            markdown=markdown,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where vectors are written.

    Attributes:
        output: a file or a directory; None: standard output.
        vector_format: of the printed vectors, or of the directory's files.
        shard_rows: rows of each file of the directory.
        resume: continue the directory's job.
        on: the cluster that makes the directory's files; None: this process.
        address: of the cluster.
        workers: largest number of workers.
        cores: of each worker.
    """

    output: str | None
    vector_format: VectorFormat | None
    shard_rows: int | None
    resume: bool
    on: ClusterName | None
    address: str | None
    workers: int | None
    cores: int | None

    @property
    def is_directory(self) -> bool:
        """Whether `output` is a directory, or becomes one."""
        if self.output is None:
            return False
        from albertkit.tables.filesystems.remote_path import make_path

        output = self.output
        return output.endswith("/") or not make_path(output).suffix or Path(output).is_dir()

    def check(self) -> None:
        """Raise InputError [usage] for options that do not fit together."""
        if self.output == "":
            raise InputError(
                "usage", "--output has no name", fix="Give a file, or a directory: out/"
            )
        if self.is_directory:
            self._check_format(get_args(Sharded))
        else:
            self._check_without_directory()
        self._check_cluster()

    def cluster(self) -> "Workers | None":
        """The workers that make the directory's files; None: this process."""
        if self.on is None:
            return None
        from albertkit.distributed import Workers

        return Workers(self.address, self.workers, self.cores or 1)

    def _check_without_directory(self) -> None:
        if self.output is not None and self.vector_format is not None:
            raise InputError(
                "usage",
                "both --format and --output are given",
                why="the name of a file decides its format",
                fix="Leave --format out",
            )
        self._check_format(get_args(Printed))
        if self.resume or self.shard_rows is not None:
            raise InputError(
                "usage",
                f"--{'resume' if self.resume else 'shard-rows'} is given without a directory",
                why="only the files of a directory can be continued",
                fix="Give --output out/",
            )
        if self.output is not None and "://" in self.output:
            raise InputError(
                "usage",
                f"--output {self.output} is a file",
                why="on remote file systems only directories are written",
                fix="Give the name of a directory, with / at its end, or write a local file and"
                " copy it",
            )

    def _check_format(self, allowed: tuple[str, ...]) -> None:
        if self.vector_format is not None and self.vector_format not in allowed:
            raise InputError(
                "usage",
                f"--format is {self.vector_format}",
                why=f"{'the files of a directory' if self.is_directory else 'printed vectors'} are "
                f"{', '.join(allowed)}",
                fix="Take one of these" if self.is_directory else "Give --output out/",
            )

    def _check_cluster(self) -> None:
        given = {"address": self.address, "workers": self.workers, "cores": self.cores}
        option = next((name for name, value in given.items() if value is not None), None)
        if self.on is None and option is not None:
            raise InputError(
                "usage",
                f"--{option} is given without --on",
                why="it describes a cluster",
                fix="Give --on ray, or leave it out",
            )
        if self.on is not None and not self.is_directory:
            raise InputError(
                "usage",
                f"--on {self.on} is given without a directory",
                why="each worker writes its own files",
                fix="Give --output out/",
            )
