"""Directories of downloaded archives: where they stay, and whether they are still whole.

A directory takes its name when all of it is there, together with a list of its files and their
sizes. One that has lost a file since (systems sweep what lies long untouched) counts as not there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from albertkit.errors import AlbertKitError
from albertkit.fileformats.atomic import new_directory
from albertkit.fileformats.reader import read_json

LIST = ".albertkit-files.json"  # path → bytes


def cache_home() -> Path:
    """Our own folder among the user's caches, never one for temporary files."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if given else Path.home() / ".cache") / "albertkit"


def is_whole(place: Path) -> bool:
    """Whether a directory of the cache has all that was put there."""
    if not is_ours(place):
        return False
    try:
        listed = read_json(place / LIST)
    except AlbertKitError:
        return False
    return all(_size(place / name) == size for name, size in listed.items())


def is_ours(place: Path) -> bool:
    """Whether a directory was made by `new_entry`."""
    return (place / LIST).is_file()


@contextmanager
def new_entry(place: Path) -> Iterator[Path]:
    """An empty directory to fill, which becomes `place` when the block ends well.

    Raises ResourceError [write-failed].
    """
    with new_directory(place, others="removed") as unfinished:
        yield unfinished
        files = sorted(path for path in unfinished.rglob("*") if path.is_file())
        sizes = {path.relative_to(unfinished).as_posix(): _size(path) for path in files}
        (unfinished / LIST).write_text(json.dumps(sizes, indent=1), "utf-8")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
