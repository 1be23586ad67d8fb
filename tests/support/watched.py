"""Run a program in a process that ends when it opens a socket or starts a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# An audit hook sees the calls of Python code; children of native code are seen at the end.
WATCH = """
import os, sys
def refuse(event, arguments):
    if event.startswith("socket.") or event in ("os.fork", "os.forkpty", "os.posix_spawn",
                                                "os.system", "subprocess.Popen"):
        sys.stderr.write(f"{event} {arguments}\\n")
        os._exit(3)
sys.addaudithook(refuse)
"""
NO_CHILDREN = """
import resource
if resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss:
    sys.exit("it had a child")
"""


def run_watched(program: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code with `home` as the home directory, temporary files below it too.

    Status 3: it opened a socket or started a process; standard error has the event.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", WATCH + program + NO_CHILDREN],
        env={**kept, "HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": str(ROOT)},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
