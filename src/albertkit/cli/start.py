"""Entry point of the command: set up the process, run the command line, exit with its status.

Until the rest is imported, Ctrl-C ends the process at once: nothing is open yet, and a
KeyboardInterrupt would print a traceback or be swallowed by an import.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Objects made between two garbage collections. Python's own 700 would run 70 collections until the
# first text is embedded, over modules that live to the end: 25 ms of 450.
GC_THRESHOLD = 100_000


def main() -> NoReturn:
    """Run the command line of this process and exit with its status."""
    _ignore_errors_of_standard_error()
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


class _BestEffortFile(io.FileIO):
    """A file whose write errors are ignored."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _ignore_errors_of_standard_error() -> None:
    """Let no message change the work and its status: its disk may be full, or its reader gone."""
    if sys.stderr is None:
        return
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_BestEffortFile(sys.stderr.fileno(), "w", closefd=False)),
        encoding=sys.stderr.encoding,
        errors=sys.stderr.errors,
        line_buffering=True,
    )


def _open_closed_streams() -> None:
    """Open the null device in place of streams that the caller closed, where Python has None."""
    streams = (sys.stdin, sys.stdout, sys.stderr)  # in this order: each gets its own number
    for name, stream, mode in zip(("stdin", "stdout", "stderr"), streams, "rww", strict=True):
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def _exit_at_once(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)  # 130, as after the imports
