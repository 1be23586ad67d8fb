"""The output directory of a run, which one run at a time writes; of several ranks the first one."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from albertkit.fileformats.atomic import refuse_files
from albertkit.fileformats.directory_lock import hold_lock


def is_main_rank() -> bool:
    """Whether this process writes the model: the first that torchrun started, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def lock_run(directory: Path) -> AbstractContextManager[None]:
    """Refuse a second run; the other ranks of torchrun belong to the first one's run.

    Raises:
        InputError: [directory-not-empty] if a file has the name.
        ResourceError: [output-busy].
    """
    if not is_main_rank():
        return nullcontext()
    refuse_files(directory)
    return hold_lock(directory, why="two runs would mix their checkpoints")
