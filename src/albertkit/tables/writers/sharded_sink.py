"""A job's output directory: each shard is complete or absent, and none is made twice.

Input: a description of the job, then each shard's results. The next run resumes one that was
killed at any moment, as the shards themselves show what is finished.
Not supported: file systems without flock, or where a rename is not atomic. An object store has no
locks: two runs of one job make the same shards twice, each complete.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from albertkit.errors import InputError, import_extra
from albertkit.fileformats.atomic import write_errors
from albertkit.fileformats.directory_lock import acquire_lock
from albertkit.fileformats.reader import JsonValue
from albertkit.tables.cells import CellType
from albertkit.tables.filesystems.remote_path import AnyPath, RemotePath, make_path
from albertkit.tables.writers.files import PYARROW_SUFFIXES
from albertkit.tables.writers.job_directory import (
    check_directory,
    has_no_shards,
    initialize_directory,
    list_entries,
    remove_unfinished,
)
from albertkit.tables.writers.shards import SHARD_FORMATS, Shards


class ShardedSink:
    """Opens a job's directory, which no other process can open until it is closed."""

    def __init__(
        self,
        directory: Path | str,
        *,
        job: Mapping[str, JsonValue],
        shard_format: str = "parquet",
        shard_rows: int = 100_000,
        types: Mapping[str, CellType] | None = None,
        resume: bool = False,
    ) -> None:
        """Open and lock the directory.

        Args:
            directory: A path, or a URI.
            job: What the results depend on, as JSON: inputs, model, options.
            shard_format: One of SHARD_FORMATS.
            shard_rows: Input rows of one shard.
            types: Types of the columns that are kept.
            resume: Continue if shards of the same job exist, which is refused without it. A job
                without any shard is started anew in any case.

        Raises:
            InputError: [output-taken], [output-exists], [output-format-unknown].
            ResourceError: [output-busy], [write-failed], [extra-missing]. Nothing in the directory
                has changed then.
        """
        self.shards = Shards(make_path(directory), shard_format, dict(types or {}))
        self.shard_rows = shard_rows
        self._lock: int | None = None
        _check_format(shard_format)
        description: dict[str, JsonValue] = {
            "shard_format": shard_format,
            "shard_rows": shard_rows,
            "types": {name: str(cell_type) for name, cell_type in self.shards.types.items()},
            "job": dict(job),
        }
        # as it is read back: a tuple becomes a list
        description = json.loads(json.dumps(description))
        path = self.shards.directory
        check_directory(path, description, resume=resume)
        with write_errors(str(path)):
            path.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(path)
            try:
                self._initialize(description, resume)
            except BaseException:
                self.close()
                raise

    def _initialize(self, description: dict[str, JsonValue], resume: bool) -> None:
        path = self.shards.directory
        # again, now that no other process can change it
        check_directory(path, description, resume=resume)
        self.remove_unfinished()
        if has_no_shards(list_entries(path)):
            initialize_directory(path, description)

    @property
    def complete_shards(self) -> frozenset[int]:
        """The numbers of the shards that are complete."""
        return self.shards.complete_shards()

    def remove_unfinished(self) -> None:
        """Remove the hidden files of writers that were killed; none may be writing."""
        remove_unfinished(self.shards.directory)

    def close(self) -> None:
        """Allow others to open the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        """Return the sink."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the sink."""
        self.close()


def _check_format(shard_format: str) -> None:
    if shard_format not in SHARD_FORMATS:
        raise InputError(
            "output-format-unknown",
            f"shards cannot be {shard_format!r}",
            why=f"the formats are {', '.join(SHARD_FORMATS)}",
            fix="Take one of them",
        )
    if f".{shard_format}" in PYARROW_SUFFIXES:
        import_extra("pyarrow", f"a {shard_format} file")


def _lock(path: AnyPath) -> int | None:
    """Lock the directory; raises ResourceError [output-busy] if another process holds it."""
    if isinstance(path, RemotePath):
        return None
    return acquire_lock(path, why="two processes would make the same shards")
