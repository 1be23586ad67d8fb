"""The command's first lines: Ctrl-C ends it quietly while the rest is still being imported.

Nothing is open then, so that the process may end on the spot; a KeyboardInterrupt would be a
traceback, or be lost in an import that catches everything.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

from albertkit.cli.gc_paused import lasting


def main() -> NoReturn:
    """The entry point: runs what the command line says and exits with its status."""
    usual = signal.signal(signal.SIGINT, _end)
    with lasting():
        from albertkit.cli.main import main as run_command

    signal.signal(signal.SIGINT, usual)
    run_command()


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)  # 130, as everywhere
