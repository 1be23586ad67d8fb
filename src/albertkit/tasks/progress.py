"""How far a long list is, as a line on standard error that somebody asked for."""

from __future__ import annotations

import sys
import time

EVERY = 0.1  # seconds between two looks of the line


class ProgressLine:
    """Call it with how many texts were just finished; the line ends when all are."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._done = 0
        self._began = self._shown = time.monotonic()

    def __call__(self, finished: int) -> None:
        self._done += finished
        now = time.monotonic()
        if self._done < self.total and now - self._shown < EVERY:
            return
        self._shown = now
        rate = self._done / max(now - self._began, 1e-3)
        end = "\n" if self._done >= self.total else ""
        line = f"\r{self._done:,} of {self.total:,} texts, {rate:,.0f} a second{end}"
        sys.stderr.write(line)
        sys.stderr.flush()
