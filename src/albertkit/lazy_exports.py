"""A room's face: its names, each fetched from its file when it is first asked for.

A room of which most processes need little has such a face: `from albertkit.tables import Table`
imports the file of tables and no other. A file that needs a name only at times asks the room for
it then, `rows.read_batches(…)` below `from albertkit import rows`. So imports stand at the top of
a file, and a process imports what it uses: a start costs half a millisecond for each file of
ours (`python -X importtime`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def face(
    room: str, files: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """The `__getattr__`, `__dir__` and `__all__` of a room.

    files: of the room, without its name → the names they give.
    """
    homes = {name: file for file, names in files.items() for name in names}

    def fetched(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        found: object = getattr(import_module(f"{room}.{homes[name]}"), name)
        setattr(sys.modules[room], name, found)
        return found

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[room]), *homes})

    return fetched, listed, sorted(homes)
