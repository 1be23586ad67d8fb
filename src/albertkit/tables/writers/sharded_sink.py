"""A job's output directory: shards that are each whole or not there, and are never made twice.

In: a description of the job, then each shard's answers. A run that was killed at any moment is
taken up by the next: what is finished is known by the shards themselves.
Not promised: file systems without flock, or where rename is not atomic. An object store has no
locks: two runs of one job would make the same shards twice, each whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from albertkit.errors import InputError, ResourceError, import_extra
from albertkit.fileformats.atomic import write_errors
from albertkit.fileformats.reader import JsonValue
from albertkit.tables.cells import CellType
from albertkit.tables.filesystems.remote_path import AnyPath, RemotePath, path_of
from albertkit.tables.writers.files import NEEDS_PYARROW
from albertkit.tables.writers.job_directory import (
    LOCK,
    begin,
    check_directory,
    clear,
    is_without_shards,
    list_names,
)
from albertkit.tables.writers.shards import SHARD_FORMATS, Shard, Shards


class ShardedSink:
    """Opens the directory of a job, alone until it is closed.

    job: what the answers depend on, as JSON: inputs, model, options. types: of the columns that
    are kept. resume: go on where shards of the same job are; without it they are refused. A
    directory in which a job was begun and no shard was made is begun anew.
    Raises InputError [output-taken], [output-exists], [output-format-unknown], ResourceError
    [output-busy], [write-failed], [extra-missing]; nothing in the directory is touched then.
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        job: Mapping[str, JsonValue],
        kind: str = "parquet",
        shard_rows: int = 100_000,
        types: Mapping[str, CellType] | None = None,
        resume: bool = False,
    ) -> None:
        self.shards = Shards(path_of(directory), kind, dict(types or {}))
        self.shard_rows = shard_rows
        self._lock: int | None = None
        _check_kind(kind)
        described: dict[str, JsonValue] = {
            "kind": kind,
            "shard_rows": shard_rows,
            "types": {name: str(each) for name, each in self.shards.types.items()},
            "job": dict(job),
        }
        path = self.shards.directory
        check_directory(path, described, resume=resume)
        with write_errors(str(path)):
            path.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path)
            try:
                self._begin(described, resume)
            except BaseException:
                self.close()
                raise

    def _begin(self, described: dict[str, JsonValue], resume: bool) -> None:
        path = self.shards.directory
        # another process may have come in between
        check_directory(path, described, resume=resume)
        self.clear()
        if is_without_shards(list_names(path)):
            begin(path, described)

    @property
    def finished(self) -> frozenset[int]:
        """The numbers of the shards that are there, whole."""
        return self.shards.finished()

    def shard(self, number: int) -> AbstractContextManager[Shard]:
        """The shard of the input rows from `number * shard_rows` on; see Shards.writing."""
        return self.shards.writing(number)

    def clear(self) -> None:
        """Remove what writers that were killed left under hidden names; none may be writing."""
        clear(self.shards.directory)

    def close(self) -> None:
        """Let others open the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _check_kind(kind: str) -> None:
    if kind not in SHARD_FORMATS:
        raise InputError(
            "output-format-unknown",
            f"shards cannot be {kind!r}",
            why=f"the kinds are {', '.join(SHARD_FORMATS)}",
            fix="Take one of them",
        )
    if f".{kind}" in NEEDS_PYARROW:
        import_extra("pyarrow", f"a {kind} file")


def _locked(path: AnyPath) -> int | None:
    """Hold the directory; raises ResourceError [output-busy] where another process does."""
    if isinstance(path, RemotePath):
        return None
    import fcntl  # which Windows lacks, where all but jobs can do without

    handle = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise ResourceError(
            "output-busy",
            f"another process writes to {str(path)!r}",
            why="two would make the same shards",
            fix="Wait until it is done, or write to another directory",
        ) from error
    except OSError:
        os.close(handle)
        raise
    return handle
