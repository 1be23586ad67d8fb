"""A job's output directory: shards that are each whole or not there, and are never made twice.

In: a description of the job, then each shard's answers. A run that was killed at any moment is
taken up by the next: what is finished is known by the shards themselves.
Not promised: file systems without flock, or where rename is not atomic. An object store has no
locks: two runs of one job would make the same shards twice, each whole.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from albertkit.errors import FormatError, InputError, SurroundingsError, imported
from albertkit.fileformats.atomic import told_as_write_failed
from albertkit.fileformats.reader import JsonValue, parse_json, told_as_unreadable
from albertkit.rows.cells import CellType
from albertkit.rows.remote_path import AnyPath, RemotePath, new_file, path_of
from albertkit.rows.shards import KINDS, Shard, Shards
from albertkit.rows.write import NEEDS_PYARROW

JOB = "_job.json"  # readers of whole directories pass over names that begin so
LOCK = ".lock"
SHOWN = 60  # characters of a value in a message
LEFT_OVER = re.compile(r"\.(?:part-\d+\..+|_bad-\d+\.jsonl|_\w+\.\w+)\.tmp-\d+(?:-[0-9a-f]+)?")


class ShardedSink:
    """Opens the directory of a job, alone until it is closed.

    job: what the answers depend on, as JSON: inputs, model, options. types: of the columns that
    are kept. resume: go on where shards of the same job are; without it they are refused.
    Raises InputError [output-taken], [output-exists], [output-kind-unknown], SurroundingsError
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
        described = json.dumps(
            {
                "kind": kind,
                "shard_rows": shard_rows,
                "types": {name: str(each) for name, each in self.shards.types.items()},
                "job": job,
            },
            ensure_ascii=False,
            indent=1,
        )
        place = self.shards.directory
        _check_job(place, described, resume)
        with told_as_write_failed(str(place)):
            place.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(place)
            try:
                self._begin(described, resume)
            except BaseException:
                self.close()
                raise

    def _begin(self, described: str, resume: bool) -> None:
        place = self.shards.directory
        _check_job(place, described, resume)  # another process may have come in between
        self.clear()
        if not (place / JOB).exists():
            with new_file(place / JOB) as file:
                file.write(described.encode())

    @property
    def finished(self) -> frozenset[int]:
        """The numbers of the shards that are there, whole."""
        return self.shards.finished()

    def shard(self, number: int) -> AbstractContextManager[Shard]:
        """The shard of the input rows from `number * shard_rows` on; see Shards.writing."""
        return self.shards.writing(number)

    def clear(self) -> None:
        """Remove what writers that were killed left under hidden names; none may be writing."""
        for left_over in _left_over(self.shards.directory):
            left_over.unlink()

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
    if kind not in KINDS:
        raise InputError(
            "output-kind-unknown",
            f"shards cannot be {kind!r}",
            why=f"the kinds are {', '.join(KINDS)}",
            fix="Take one of them",
        )
    if f".{kind}" in NEEDS_PYARROW:
        imported("pyarrow", f"a {kind} file")


def _check_job(place: AnyPath, described: str, resume: bool) -> None:
    """Raise where `place` is neither new nor this job's, or is this job's unasked."""
    with told_as_unreadable(str(place)):
        if not place.exists():
            return
        if not place.is_dir():
            raise _taken(f"{str(place)!r} is a file", "shards are written into a directory")
        names = {path.name for path in place.iterdir()}
        ours = {LOCK, *(path.name for path in _left_over(place))}
        if JOB in names:
            _check_same(place, (place / JOB).read_bytes(), described, resume)
        elif names - ours:
            other = min(names - ours)
            raise _taken(f"{str(place)!r} holds {other!r}", "no job like this one made that")


def _check_same(place: AnyPath, data: bytes, described: str, resume: bool) -> None:
    try:
        before = parse_json(data, JOB)
    except FormatError as error:
        raise _taken(f"{str(place)!r} holds a {JOB} of another kind", str(error)) from error
    now = json.loads(described)
    if before != now:
        raise _taken(f"{str(place)!r} holds another job", _difference(before, now))
    if not resume:
        raise InputError(
            "output-exists",
            f"{str(place)!r} holds this job already",
            why="shards that are there would be made again",
            fix="Go on with --resume, or write to another directory",
        )


def _taken(what: str, why: str) -> InputError:
    return InputError("output-taken", what, why=why, fix="Write to a new directory")


def _difference(before: JsonValue, now: JsonValue, key: str = "") -> str:
    """Where they differ first, with both values."""
    pairs: list[tuple[object, JsonValue, JsonValue]] = []
    if isinstance(before, dict) and isinstance(now, dict):
        pairs = [(name, before.get(name), now.get(name)) for name in {**now, **before}]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = [(at, old, new) for at, (old, new) in enumerate(zip(before, now, strict=True))]
    for name, old, new in pairs:
        if old != new:
            return _difference(old, new, f"{key}[{name!r}]" if key else str(name))
    return f"its {key} is {_shown(before)}, not {_shown(now)}"


def _shown(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _left_over(place: AnyPath) -> list[AnyPath]:
    return [path for path in place.iterdir() if LEFT_OVER.fullmatch(path.name)]


def _locked(place: AnyPath) -> int | None:
    """Hold the directory; raises SurroundingsError [output-busy] where another process does."""
    if isinstance(place, RemotePath):
        return None
    import fcntl  # which Windows lacks, where all but jobs can do without

    handle = os.open(place / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise SurroundingsError(
            "output-busy",
            f"another process writes to {str(place)!r}",
            why="two would make the same shards",
            fix="Wait until it is done, or write to another directory",
        ) from error
    except OSError:
        os.close(handle)
        raise
    return handle
