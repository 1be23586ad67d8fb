"""Whether an index was made of the files that are given now: by their names, sizes and contents.

`search --index` writes the time and a hash of each local file into CONTENTS of the index before it
embeds them. A file of the same time is the same; of another time, as a copy has it, its bytes are
hashed (about a second for a gigabyte). An index that `embed` wrote has no CONTENTS, so its files
must be older than it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from albertkit.errors import InputError
from albertkit.errors.exceptions import list_names
from albertkit.fileformats.reader import JsonValue, parse_json, read_errors
from albertkit.tables.filesystems.remote_path import AnyPath, create_file, make_path
from albertkit.tables.filesystems.streams import make_display_name, open_input
from albertkit.tables.readers.inputs import Inputs
from albertkit.tables.readers.table_file import InputFile
from albertkit.tables.readers.vector_files import read_job
from albertkit.tables.writers.job_directory import CONTENTS, JOB

HASHED_BYTES = 1 << 20  # at a time
TIME, HASH = "modified_ns", "sha256"


def check_contents(directory: str, inputs: Inputs) -> None:
    """Refuse an index of other files, or of files that have changed.

    Args:
        directory: The index, of a job that was started.
        inputs: The files that are given.

    Raises:
        InputError: [index-differs].
    """
    _check_sizes(read_job(directory), inputs, directory)
    index = make_path(directory)
    recorded = _read_contents(index)
    for file in inputs.files:
        path = Path(file.path)
        if not path.is_file():  # a URI has no time
            continue
        name = make_display_name(file.name)
        modified = path.stat().st_mtime_ns
        before = recorded.get(name)
        if isinstance(before, dict):
            if modified != before.get(TIME) and hash_file(file) != before.get(HASH):
                raise _differs(directory, f"{name} has the same size as before, but other contents")
        elif isinstance(index, Path) and modified > (index / JOB).stat().st_mtime_ns:
            raise _differs(directory, f"{name} was written after the index was begun")


def write_contents(directory: str, inputs: Inputs) -> None:
    """Write the time and the hash of each local file into an index, before its texts are read.

    Args:
        directory: The index.
        inputs: The files that it is made of.

    Raises:
        ResourceError: [file-unreadable], [write-failed].
    """
    contents = {
        make_display_name(file.name): {
            TIME: Path(file.path).stat().st_mtime_ns,
            HASH: hash_file(file),
        }
        for file in inputs.files
        if Path(file.path).is_file()
    }
    with create_file(make_path(directory) / CONTENTS) as stream:
        stream.write(json.dumps(contents, indent=1).encode())


def hash_file(file: InputFile) -> str:
    """SHA-256 of a file's bytes, as they are stored: 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open_input(file.path, make_display_name(file.name)) as stream:
        while data := stream.read(HASHED_BYTES):
            digest.update(data)
    return digest.hexdigest()


def _read_contents(index: AnyPath) -> Mapping[str, JsonValue]:
    path = index / CONTENTS
    with read_errors(str(path)):
        return parse_json(path.read_bytes(), str(path)) if path.exists() else {}


def _check_sizes(job: Mapping[str, Any], inputs: Inputs, directory: str) -> None:
    before, now = job.get("inputs") or [], inputs.describe()
    if before == now:
        return
    old, new = ({str(file["name"]): file["bytes"] for file in files} for files in (before, now))
    changed = [name for name in new if name in old and new[name] != old[name]]
    if changed:
        sizes = f"had {old[changed[0]]:,} bytes, and has {new[changed[0]]:,} now"
        raise _differs(directory, f"{changed[0]} {sizes}")
    raise _differs(directory, f"it was made of {list_names([*old])}, not of {list_names([*new])}")


def _differs(directory: str, why: str) -> InputError:
    return InputError(
        "index-differs",
        f"{directory} holds the vectors of other texts",
        why=why,
        fix="Leave --in out to search in it as it is, or remove the directory to make it again",
    )
