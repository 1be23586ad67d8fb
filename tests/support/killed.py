"""Kill a process with SIGKILL before a chosen line of code.

Use it in scripts, which have no threads and no pytest, so that forking is safe.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any


def run_until_killed(line: int, work: Callable[[], object], files: tuple[str, ...]) -> bool:
    """Run `work` in a process that is killed before line number `line`.

    files: endings of the paths whose lines are counted.
    Returns whether the process was killed; False if it ended before.
    """
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, event: str, _: object) -> Any:
            nonlocal left
            if not frame.f_code.co_filename.endswith(files):
                return None
            left -= event == "line"
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


ROOT = Path(__file__).resolve().parents[2]


def run_script(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script that imports this file, as tests do."""
    return subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
