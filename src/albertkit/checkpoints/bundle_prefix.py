"""Find a TensorFlow checkpoint: a prefix, with an index file and data files.

In: a directory, a prefix (`model.ckpt-best`) or an index file. Out: the prefix. A directory with
several follows the file `checkpoint` in it, though never out of the directory.
"""

from __future__ import annotations

import re
from pathlib import Path

from albertkit.errors import InputError
from albertkit.fileformats.reader import map_file
from albertkit.fileformats.tensorflow.tensor_bundle import INDEX_SUFFIX, find_bundle_prefixes

LATEST = "checkpoint"  # TensorFlow's note of which one is the latest
PATH_IN_IT = re.compile(rb'^model_checkpoint_path:\s*"([^"\n]*)"', re.MULTILINE)


def find_prefix(location: Path) -> Path | None:
    """The prefix of the checkpoint that `location` means; None where there is none.

    Raises InputError [checkpoint-ambiguous] for a directory with several and no word on which.
    """
    if location.name.endswith(INDEX_SUFFIX) and location.is_file():
        return location.with_name(location.name.removesuffix(INDEX_SUFFIX))
    if not location.is_dir():
        return location if location.with_name(location.name + INDEX_SUFFIX).is_file() else None
    prefixes = find_bundle_prefixes(location)
    if len(prefixes) < 2:
        return location / prefixes[0] if prefixes else None
    latest = _read_latest(location / LATEST)
    if latest in prefixes:
        return location / latest
    raise InputError(
        "checkpoint-ambiguous",
        f"{str(location)!r} holds {len(prefixes)} checkpoints: {', '.join(prefixes[:4])}"
        + (" …" if len(prefixes) > 4 else ""),
        why=f"no file {LATEST!r} in it names one of them",
        fix=f"Give one by its prefix: {location / prefixes[-1]}",
    )


def _read_latest(path: Path) -> str:
    """The name, without any directory, that the file gives; empty where it gives none."""
    match = PATH_IN_IT.search(map_file(path)) if path.is_file() else None
    return match[1].decode(errors="replace").replace("\\", "/").split("/")[-1] if match else ""
