"""The formats that can be written, by their names."""

from __future__ import annotations

from albertkit.checkpoints import TARGETS, Format
from albertkit.errors import InputError


def target_named(name: str) -> Format:
    """The format of this name; raises InputError [unknown-format]."""
    known = {each.name: each for each in TARGETS}
    if name not in known:
        raise InputError(
            "unknown-format",
            f"there is no format {name!r} to write",
            why=f"known are {', '.join(known)}",
            fix="Take one of these",
        )
    return known[name].imported()
