"""Where the vectors of `albertkit embed` go, and which of its options go with that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit.errors import InputError

if TYPE_CHECKING:
    from albertkit.distributed import Workers


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


PRINTED = (EmbedForm.TABLE, EmbedForm.JSONL, EmbedForm.CSV)
SHARDED = (
    EmbedForm.PARQUET,
    EmbedForm.ARROW,
    EmbedForm.NPY,
    EmbedForm.JSONL,
    EmbedForm.JSONL_GZ,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What was said of it. place: a file or a directory; None: vectors are printed.

    form: as they are printed, or of a directory's files; on: who makes these. The rest is said of
    a directory, and of a cluster, alone.
    """

    place: str | None
    form: EmbedForm | None
    shard_rows: int | None
    resume: bool
    on: ClusterChoice | None
    address: str | None
    workers: int | None
    cores: int | None

    @property
    def is_directory(self) -> bool:
        """Whether a place of this name is a directory, or becomes one."""
        if self.place is None:
            return False
        from albertkit.tables.filesystems.remote_path import path_of

        place = self.place
        return place.endswith("/") or not path_of(place).suffix or Path(place).is_dir()

    def check(self) -> None:
        """Raise InputError [usage] for what does not go together."""
        if self.place == "":
            raise InputError(
                "usage", "--output has no name", fix="Give a file, or a directory: out/"
            )
        if self.is_directory:
            self._check_form(SHARDED)
        else:
            self._check_without_directory()
        self._check_cluster()

    def cluster(self) -> Workers | None:
        """Who makes a directory's files; None: this process."""
        if self.on is None:
            return None
        from albertkit.distributed import Workers

        return Workers(self.address, self.workers, self.cores or 1)

    def _check_without_directory(self) -> None:
        if self.place is not None and self.form is not None:
            raise InputError(
                "usage",
                "both --format and --output are given",
                why="a file's kind is what its name ends in",
                fix="Leave --format out",
            )
        self._check_form(PRINTED)
        if self.resume or self.shard_rows is not None:
            raise InputError(
                "usage",
                f"--{'resume' if self.resume else 'shard-rows'} is given without a directory",
                why="only a directory holds parts that are whole",
                fix="Give --output out/",
            )
        if self.place is not None and "://" in self.place:
            raise InputError(
                "usage",
                f"--output {self.place} is a file",
                why="on other file systems only directories are written, each file of them whole",
                fix="Give a directory's name, which ends in /, or write the file here and copy it",
            )

    def _check_form(self, choice: tuple[EmbedForm, ...]) -> None:
        if self.form is not None and self.form not in choice:
            raise InputError(
                "usage",
                f"--format is {self.form.value}",
                why=f"{'in a directory' if self.is_directory else 'printed'} it can be "
                f"{', '.join(choice)}",
                fix="Take one of these" if self.is_directory else "Give --output out/",
            )

    def _check_cluster(self) -> None:
        given = {"address": self.address, "workers": self.workers, "cores": self.cores}
        named = next((name for name, value in given.items() if value is not None), None)
        if self.on is None and named is not None:
            raise InputError(
                "usage",
                f"--{named} is given without --on",
                why="this process alone needs none",
                fix="Give --on ray, or leave it out",
            )
        if self.on is not None and not self.is_directory:
            raise InputError(
                "usage",
                f"--on {self.on.value} is given without a directory",
                why="each worker writes files of its own",
                fix="Give --output out/",
            )
