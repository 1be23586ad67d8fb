"""What a job's directory holds: this job, another one, or nothing that anybody would miss."""

from __future__ import annotations

import json
import re

from albertkit.errors import FormatError, InputError
from albertkit.fileformats.atomic import write_errors
from albertkit.fileformats.reader import JsonValue, parse_json, read_errors
from albertkit.tables.filesystems.remote_path import AnyPath, new_file

JOB = "_job.json"  # readers of whole directories pass over names that begin so
RANGES = "_ranges.npy"  # what vectors in bytes are set against; whoever runs the job writes it
LOCK = ".lock"
UNFINISHED = re.compile(r"\.(?:part-\d+\..+|_invalid-\d+\.jsonl|_\w+\.\w+)\.tmp-\d+-[0-9a-f]+")
OF_SHARDS = re.compile(rf"_invalid-\d+\.jsonl|{re.escape(RANGES)}")  # nothing without a shard
KEYS = ("kind", "shard_rows", "types", "job")  # of JOB
SHOWN = 60  # characters of a value in a message


def check_directory(path: AnyPath, job: dict[str, JsonValue], *, resume: bool) -> None:
    """Raise InputError [output-taken] where `place` holds what is not this job's.

    job: what JOB says, or is to say. A directory without a shard is no job's yet. Raises
    [output-exists] where this job's shards are there and it is not to go on.
    """
    with read_errors(str(path)):
        if not path.exists():
            return
        if not path.is_dir():
            raise _taken(f"{str(path)!r} is a file", "shards are written into a directory")
        names = list_names(path)
        if JOB not in names:
            _refuse_strangers(path, names)
            return
        before = _read(path)
    if is_without_shards(names):
        return
    if before != job:
        raise InputError(
            "output-taken",
            f"{str(path)!r} holds another job",
            why=_difference(_flat(before), _flat(job)),
            fix="Give what was given then, or write to a new directory",
        )
    if not resume:
        raise InputError(
            "output-exists",
            f"{str(path)!r} holds this job already",
            why="shards that are there would be made again",
            fix="Go on with --resume, or write to another directory",
        )


def begin(path: AnyPath, job: dict[str, JsonValue]) -> None:
    """Make a directory without shards this job's, whatever was begun there before."""
    for name in filter(OF_SHARDS.fullmatch, list_names(path)):
        (path / name).unlink()
    text = json.dumps(job, ensure_ascii=False, indent=1)
    with new_file(path / JOB) as file:
        # names of files need not be UTF-8: a byte of another kind stands as JSON's \\udcff
        file.write(text.encode(errors="backslashreplace"))


def clear(path: AnyPath) -> None:
    """Remove what writers that were killed left under hidden names; none may be writing."""
    with write_errors(str(path)):
        for name in filter(UNFINISHED.fullmatch, list_names(path)):
            (path / name).unlink(missing_ok=True)


def list_names(path: AnyPath) -> frozenset[str]:
    """The names of what a directory holds."""
    return frozenset(path.name for path in path.iterdir())


def is_without_shards(names: frozenset[str]) -> bool:
    """Whether all that has these names is ours, and none of it is a shard."""
    return all(name == JOB or OF_SHARDS.fullmatch(name) for name in _shown_of(names))


def _shown_of(names: frozenset[str]) -> set[str]:
    """The names less those that our lock and unfinished files have."""
    return {name for name in names if name != LOCK and not UNFINISHED.fullmatch(name)}


def _refuse_strangers(path: AnyPath, names: frozenset[str]) -> None:
    if others := _shown_of(names):
        raise _taken(f"{str(path)!r} holds {min(others)!r}", "no job like this one made that")


def _read(path: AnyPath) -> dict[str, JsonValue]:
    try:
        found = parse_json((path / JOB).read_bytes(), JOB)
    except FormatError as error:
        raise _taken(f"{str(path)!r} holds a {JOB} of another kind", str(error)) from error
    if missing := [key for key in KEYS if key not in found]:
        raise _taken(f"{str(path)!r} holds a {JOB} of another kind", f"it has no {missing[0]!r}")
    return found


def _taken(what: str, why: str) -> InputError:
    return InputError("output-taken", what, why=why, fix="Write to a new directory")


def _flat(job: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """What was asked for, then what follows from it."""
    asked = job["job"]
    rest = {key: value for key, value in job.items() if key != "job"}
    return {**(asked if isinstance(asked, dict) else {}), **rest}


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
    return f"its {key} was {_shown(before)}, and is {_shown(now)} now"


def _shown(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
