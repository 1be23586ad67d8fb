"""The memory of a process, in the unit of all benchmarks (Linux)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

MB: Final = 10**6  # bytes, wherever a page or a benchmark says MB
KB_OF_LINUX: Final = 1024  # what /proc and getrusage call kB


def peak_megabytes(process: int | str = "self") -> float:
    """The largest resident memory so far, of this process alone: getrusage's peak begins with that
    of who started it.
    """
    return _describe(process, "VmHWM")


def resident_megabytes(process: int | str = "self") -> float:
    """Resident memory now; 0 for a process that has ended."""
    return _describe(process, "VmRSS")


def _describe(process: int | str, key: str) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    values = (line.split()[1] for line in status.splitlines() if line.startswith(f"{key}:"))
    return int(next(values, 0)) * KB_OF_LINUX / MB
