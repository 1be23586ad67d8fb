"""Where the vectors of `albertkit embed` go, and the options that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from albertkit.errors import InputError

if TYPE_CHECKING:
    from albertkit.distributed import Workers

VectorFormat: TypeAlias = Literal[
    "table", "json", "jsonl", "jsonl.gz", "csv", "parquet", "arrow", "npy"
]
Printed: TypeAlias = Literal["table", "json", "jsonl", "csv"]
Sharded: TypeAlias = Literal["parquet", "arrow", "npy", "jsonl", "jsonl.gz"]
ClusterName: TypeAlias = Literal["ray"]


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

    def cluster(self) -> Workers | None:
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
