"""All benchmarks report memory in one unit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from race.memory import MB, peak_megabytes, resident_megabytes

STATM = Path("/proc/self/statm")


@pytest.mark.skipif(not STATM.exists(), reason="/proc is not there")
def test_a_megabyte_is_a_million_bytes() -> None:
    held = bytearray(os.urandom(1) * 10**8)
    pages = int(STATM.read_text().split()[1])
    assert MB == 10**6
    # units of a million and of 2^20 differ by 1 in 20; counts of pages may lag by some dozens
    assert resident_megabytes() == pytest.approx(pages * os.sysconf("SC_PAGE_SIZE") / MB, rel=0.02)
    resident = resident_megabytes()
    assert resident > len(held) / MB
    assert peak_megabytes(os.getpid()) >= resident * 0.98
