"""Check what an output directory holds: this job, another job, other files, or nothing."""

from __future__ import annotations

import json
import re

from albertkit.errors import FormatError, InputError
from albertkit.fileformats.atomic import write_errors
from albertkit.fileformats.directory_lock import LOCK
from albertkit.fileformats.reader import JsonValue, parse_json, read_errors
from albertkit.tables.filesystems.remote_path import AnyPath, create_file

JOB = "_job.json"  # readers of whole directories skip names that begin with "_"
RANGES = "_ranges.npy"  # [2, D]: the smallest and largest number of each dimension
CONTENTS = "_contents.json"  # of an index for search: the hashes of its input files
UNFINISHED = re.compile(r"\.(?:part-\d+\..+|_invalid-\d+\.jsonl|_\w+\.\w+)\.tmp-\d+-[0-9a-f]+")
OF_SHARDS = re.compile(  # worth nothing without shards
    rf"_invalid-\d+\.jsonl|{re.escape(RANGES)}|{re.escape(CONTENTS)}"
)
KEYS = ("shard_format", "shard_rows", "types", "job")  # of JOB
SHOWN_CHARACTERS = 60  # characters of a value in a message


def check_directory(path: AnyPath, job: dict[str, JsonValue], *, resume: bool) -> None:
    """Check that a job can be started or resumed in a directory.

    Args:
        path: The directory, which need not exist.
        job: The content of JOB, as it is or will be.
        resume: Whether shards of this job may exist.

    Raises:
        InputError: [output-taken] if the directory holds another job's shards, or other files;
            [output-exists] if it holds this job's shards and `resume` is false.
    """
    with read_errors(str(path)):
        if not path.exists():
            return
        if not path.is_dir():
            raise _output_taken_error(
                f"{str(path)!r} is a file", "shards are written into a directory"
            )
        names = list_entries(path)
        if JOB not in names:
            _check_no_other_files(path, names)
            return
        before = _read_job(path)
    if has_no_shards(names):
        return
    if before != job:
        raise InputError(
            "output-taken",
            f"{str(path)!r} holds another job",
            why=_describe_difference(_flatten(before), _flatten(job)),
            fix="Use the options of that job, or write to a new directory",
        )
    if not resume:
        raise InputError(
            "output-exists",
            f"{str(path)!r} holds this job already",
            why="its shards would be made again",
            fix="Continue with --resume, or write to another directory",
        )


def initialize_directory(path: AnyPath, job: dict[str, JsonValue]) -> None:
    """Write the job into a directory without shards, whatever job was started there before."""
    for name in filter(OF_SHARDS.fullmatch, list_entries(path)):
        (path / name).unlink()
    text = json.dumps(job, ensure_ascii=False, indent=1)
    with create_file(path / JOB) as file:
        # a file's name need not be UTF-8: its other bytes become JSON's \\udcff
        file.write(text.encode(errors="backslashreplace"))


def remove_unfinished(path: AnyPath) -> None:
    """Remove the hidden files of writers that were killed; none may be writing."""
    with write_errors(str(path)):
        for name in filter(UNFINISHED.fullmatch, list_entries(path)):
            (path / name).unlink(missing_ok=True)


def list_entries(path: AnyPath) -> frozenset[str]:
    """The names of a directory's entries."""
    return frozenset(entry.name for entry in path.iterdir())


def has_no_shards(names: frozenset[str]) -> bool:
    """Whether all entries are ours, and none is a shard."""
    return all(name == JOB or OF_SHARDS.fullmatch(name) for name in _select_visible(names))


def _select_visible(names: frozenset[str]) -> set[str]:
    """The names without our lock and unfinished files."""
    return {name for name in names if name != LOCK and not UNFINISHED.fullmatch(name)}


def _check_no_other_files(path: AnyPath, names: frozenset[str]) -> None:
    if others := _select_visible(names):
        raise _output_taken_error(
            f"{str(path)!r} holds {min(others)!r}", "no job like this one wrote it"
        )


def _read_job(path: AnyPath) -> dict[str, JsonValue]:
    what = f"{str(path)!r} holds a {JOB}"
    try:
        job = parse_json((path / JOB).read_bytes(), JOB)
    except FormatError as error:
        raise _output_taken_error(f"{what} of another program", str(error)) from error
    if missing := [key for key in KEYS if key not in job]:
        writer = "another version of albertkit" if "job" in job else "another program"
        raise _output_taken_error(f"{what} of {writer}", f"it has no key {missing[0]!r}")
    return job


def _output_taken_error(what: str, why: str) -> InputError:
    return InputError("output-taken", what, why=why, fix="Write to a new directory")


def _flatten(job: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """What the user asked for, then what follows from it."""
    options = job["job"]
    rest = {key: value for key, value in job.items() if key != "job"}
    return {**(options if isinstance(options, dict) else {}), **rest}


def _describe_difference(before: JsonValue, now: JsonValue, key: str = "") -> str:
    """The first difference, with both values."""
    pairs: list[tuple[object, JsonValue, JsonValue]] = []
    if isinstance(before, dict) and isinstance(now, dict):
        pairs = [(name, before.get(name), now.get(name)) for name in {**now, **before}]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = [
            (index, old, new) for index, (old, new) in enumerate(zip(before, now, strict=True))
        ]
    for name, old, new in pairs:
        if old != new:
            return _describe_difference(old, new, f"{key}[{name!r}]" if key else str(name))
    return f"{key} was {_shorten(before)} there, and is {_shorten(now)} now"


def _shorten(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
