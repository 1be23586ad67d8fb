"""The cache of unpacked archives, and whether an entry is still complete.

An entry gets its name when it is complete, with a list of its files and their sizes. An entry that
has lost a file since (some systems delete files that were not used for long) counts as missing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from albertkit.errors import AlbertKitError
from albertkit.fileformats.atomic import create_directory
from albertkit.fileformats.reader import read_json

FILE_LIST = ".albertkit-files.json"  # path → bytes


def cache_home() -> Path:
    """Return our directory among the user's caches (XDG_CACHE_HOME or ~/.cache)."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if home else Path.home() / ".cache") / "albertkit"


def is_complete(entry: Path) -> bool:
    """Check whether an entry exists and has all its files."""
    if not is_entry(entry):
        return False
    try:
        sizes = read_json(entry / FILE_LIST)
    except AlbertKitError:
        return False
    return all(_measure_size(entry / name) == size for name, size in sizes.items())


def is_entry(directory: Path) -> bool:
    """Check whether a directory was made by `create_entry`."""
    return (directory / FILE_LIST).is_file()


@contextmanager
def create_entry(entry: Path) -> Iterator[Path]:
    """Make a directory that becomes an entry when the block ends without an error.

    Args:
        entry: The entry's directory; an old one is replaced.

    Yields:
        The empty directory to write into.

    Raises:
        ResourceError: [write-failed].
    """
    with create_directory(entry, others="removed") as temporary:
        yield temporary
        files = sorted(path for path in temporary.rglob("*") if path.is_file())
        sizes = {path.relative_to(temporary).as_posix(): _measure_size(path) for path in files}
        (temporary / FILE_LIST).write_text(json.dumps(sizes, indent=1), "utf-8")


def _measure_size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
