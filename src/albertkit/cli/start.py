"""Entry point of the command: set up the process, run the command line, exit with its status.

Until the rest is imported, Ctrl-C ends the process at once: nothing is open yet, and a
KeyboardInterrupt would print a traceback or be swallowed by an import.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

# Objects made between two garbage collections. Python's own 700 would run 70 collections until the
# first text is embedded, over modules that live to the end: 25 ms of 450.
GC_THRESHOLD = 100_000


def main() -> NoReturn:
    """Run the command line of this process and exit with its status."""
    _open_closed_streams()
    status = 1  # if `run` raises: a traceback was printed

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    # Called last, when threads have ended: the end of Python would clear all modules, 10 ms of 220.
    atexit.register(end)
    previous_handler = signal.signal(signal.SIGINT, _exit_at_once)
    gc.set_threshold(GC_THRESHOLD)
    from albertkit.cli.main import run

    signal.signal(signal.SIGINT, previous_handler)
    status = run(sys.argv[1:])
    sys.exit(status)


def _open_closed_streams() -> None:
    """Open the null device in place of streams that the caller closed, where Python has None."""
    streams = (sys.stdin, sys.stdout, sys.stderr)  # in this order: each gets its own number
    for name, stream, mode in zip(("stdin", "stdout", "stderr"), streams, "rww", strict=True):
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def _exit_at_once(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)  # 130, as after the imports
