"""Where a command writes its results: standard output, a file, or a directory in shards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from albertkit.errors import InputError

if TYPE_CHECKING:
    from albertkit.distributed import Workers
    from albertkit.tables import Table
    from albertkit.tasks.job import TableJob

PrintFormat: TypeAlias = Literal["table", "json", "jsonl", "csv"]
Sharded: TypeAlias = Literal["parquet", "arrow", "npy", "jsonl", "jsonl.gz"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where results are written.

    Attributes:
        output: a file or a directory; None: standard output.
        output_format: of what is printed, or of the directory's files.
        shard_rows: rows of each file of the directory.
        resume: continue the directory's job.
        on: the cluster that makes the directory's files; None: this process.
        address: of the cluster.
        workers: largest number of workers.
        cores: of each worker.
    """

    output: str | None = None
    output_format: str | None = None
    shard_rows: int | None = None
    resume: bool = False
    on: str | None = None
    address: str | None = None
    workers: int | None = None
    cores: int | None = None

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

    def run(
        self,
        job: TableJob,
        arguments: Sequence[str],
        *,
        cells: Mapping[str, str] | None = None,
        for_people: Callable[[Table, int], Table] | None = None,
    ) -> None:
        """Run the job.

        Args:
            job: what to compute.
            arguments: texts, or "-" for standard input; they come before the job's files.
            cells: as for `run_streamed`.
            for_people: as for `run_streamed`.

        Raises:
            InputError: [option-invalid] for the number of rows.
        """
        if self.shard_rows is not None:
            job = replace(job, shard_rows=self.shard_rows)
        if self.output is not None and self.is_directory:
            from albertkit.cli.shard_job import run_sharded

            run_sharded(
                job,
                arguments,
                self.output,
                self.output_format,
                resume=self.resume,
                workers=self.cluster(),
            )
        else:
            from albertkit.cli.stream_job import run_streamed

            run_streamed(
                job,
                arguments,
                self.output_format,
                self.output,
                cells=cells,
                for_people=for_people,
            )

    def cluster(self) -> Workers | None:
        """The workers that make the directory's files; None: this process."""
        if self.on is None:
            return None
        from albertkit.distributed import Workers

        return Workers(self.address, self.workers, self.cores or 1)

    def _check_without_directory(self) -> None:
        if self.output is not None and self.output_format is not None:
            raise InputError(
                "usage",
                "both --format and --output are given",
                why="the name of a file decides its format",
                fix="Leave --format out",
            )
        self._check_format(get_args(PrintFormat))
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
        if self.output_format is not None and self.output_format not in allowed:
            raise InputError(
                "usage",
                f"--format is {self.output_format}",
                why=f"{'the files of a directory' if self.is_directory else 'printed results'} are "
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
