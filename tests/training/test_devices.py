"""What a training process asks of the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

from albertkit.training.devices import keep_freed_memory

PROGRAM = f"""
import resource, sys
import numpy as np
from {keep_freed_memory.__module__} import keep_freed_memory

def faults_of_a_step():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for size in (1 << 26, 1 << 24):  # larger and smaller than glibc's largest threshold, 32 MB
        np.ones(size, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "kept":
    keep_freed_memory()
faults_of_a_step()
print(faults_of_a_step())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the setting is glibc's")
def test_a_step_gets_the_memory_of_the_last_one_without_page_faults() -> None:
    kept, usual = (
        int(
            subprocess.run(
                [sys.executable, "-c", PROGRAM, name], capture_output=True, check=True
            ).stdout
        )
        for name in ("kept", "usual")
    )
    assert kept < usual / 10
