"""How many cores an engine computes on."""

from __future__ import annotations

import os


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
