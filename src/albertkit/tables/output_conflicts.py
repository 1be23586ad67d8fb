"""An output among the inputs would be read by the next run, or take an input's place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath, PurePosixPath

from albertkit.errors import InputError
from albertkit.tables.filesystems.remote import is_uri, without_account
from albertkit.tables.filesystems.remote_path import AnyPath
from albertkit.tables.formats import named_kind


def check_apart(output: AnyPath, places: Iterable[str]) -> None:
    """Raise InputError [output-taken] where the file `output` is one of `places`, or below it.

    What would not be read there, by its kind or by a name that begins with "_" or ".", may be.
    """
    if named_kind(output.name) is None:
        return
    file = _whole(str(output))
    for place in places:
        top = _whole(place)
        if is_uri(place) != is_uri(str(output)) or not file.is_relative_to(top):
            continue
        between = file.relative_to(top).parts
        if not any(part.startswith((".", "_")) for part in between):
            raise InputError(
                "output-taken",
                f"{str(output)!r} would be written, which is "
                + (f"in {place!r}, a directory that is read" if between else "read"),
                why="the next run would read it, or this one replace what it reads",
                fix="Write to another place",
            )


def _whole(name: str) -> PurePath:
    return PurePosixPath(without_account(name)) if is_uri(name) else Path(name).resolve()
