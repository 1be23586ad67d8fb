"""The memory of a process, in the unit in which all benchmarks tell it (Linux)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

MB: Final = 10**6  # bytes, wherever a page or a benchmark says MB
KB_OF_LINUX: Final = 1024  # what /proc and getrusage call kB


def peak_megabytes(process: int | str = "self") -> float:
    """The largest resident memory so far, of this process alone: getrusage's peak begins with that
    of who started it.
    """
    return _told(process, "VmHWM")


def resident_megabytes(process: int | str = "self") -> float:
    """What lies in memory now; of a process that has ended 0."""
    return _told(process, "VmRSS")


def _told(process: int | str, key: str) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = (line.split()[1] for line in status.splitlines() if line.startswith(f"{key}:"))
    return int(next(found, 0)) * KB_OF_LINUX / MB
