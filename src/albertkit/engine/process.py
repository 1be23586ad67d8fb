"""The process in which an engine computes: its cores, and what does not survive a fork.

A forked child has none of its parent's threads. OpenVINO's graphs and torch's OpenMP team wait for
these threads for ever, in a child of `multiprocessing`, of gunicorn --preload or of a DataLoader.
So an engine registers here, and a child starts it anew at its first call.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


def count_usable_cores() -> int:
    """Return the number of cores to compute on.

    OMP_NUM_THREADS if it is set (Ray sets it to a worker's share of a machine), else the cores
    that this process may run on, else all cores.
    """
    value = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if value.isdecimal() and int(value) > 0:
        return int(value)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Resettable(Protocol):
    """An object that holds threads."""

    def reset_after_fork(self) -> None:
        """Forget the parent's threads; runs in the child, before any other code of it."""


_OBJECTS: weakref.WeakSet[Resettable] = weakref.WeakSet()


def reset_after_fork(target: Resettable) -> None:
    """Call `target.reset_after_fork` in every process that is forked from this one."""
    _OBJECTS.add(target)


def keep_inherited(*objects: object) -> None:
    """Never destroy the parent's objects in the child, not even at its exit.

    Destructors of OpenVINO wait for the parent's threads, too, or abort the process.
    """
    import ctypes  # in forked children only

    for inherited in objects:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))


def _reset_all() -> None:
    for target in list(_OBJECTS):
        target.reset_after_fork()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_reset_all)
