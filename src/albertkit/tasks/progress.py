"""How far a long list or stream is, as a line on standard error that somebody asked for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

EVERY = 0.1  # seconds between two looks of the line
CLEAR = "\x1b[K"  # what an earlier, longer line left behind


class ProgressLine:
    """Call it with how many texts were just finished; `close` ends the line.

    total: texts in all; None: nobody knows. estimate: about how many there will be then, as far
    as can be told by now. done: how many an earlier run finished, as far too; they say nothing of
    this one's speed. patience: seconds in which nothing is shown.
    """

    def __init__(
        self,
        total: int | None,
        *,
        estimate: Callable[[], int | None] = lambda: None,
        done: Callable[[], int] = lambda: 0,
        patience: float = 0,
    ) -> None:
        self.total = total
        self._estimate = estimate
        self._before = done
        self._done = 0
        self._began = time.monotonic()
        self._shown = self._began + patience - EVERY
        self._open = False

    def __call__(self, finished: int) -> None:
        self._done += finished
        now = time.monotonic()
        if now - self._shown >= EVERY:
            self._shown = now
            self._show(now)

    def make_way(self) -> None:
        """Clear the line for another one, below which it is shown when there is news."""
        if self._open:
            sys.stderr.write(f"\r{CLEAR}")

    def close(self) -> None:
        """End the line with what was done in all; nothing where nothing was."""
        if self._open:
            self._show(time.monotonic())
            sys.stderr.write("\n")
            self._open = False

    def _show(self, now: float) -> None:
        spent = max(now - self._began, 1e-3)
        rate = self._done / spent
        done = self._before() + self._done
        total = self._estimate() if self.total is None else self.total
        parts = [f"{done:,} texts, total unknown"]
        if total is not None:
            about = "" if total in (self.total, done) else "about "
            parts = [f"{done:,} of {about}{total:,} texts"]
        parts.append(f"{rate:,.0f} a second")
        if total is not None and done < total and rate > 0:
            parts.append(f"{duration((total - done) / rate)} left")
        else:
            parts.append(duration(spent))
        sys.stderr.write(f"\r{', '.join(parts)}{CLEAR}")
        sys.stderr.flush()
        self._open = True


def duration(seconds: float) -> str:
    """8 s, 3 min 20 s, 5 h 12 min, 3 d 4 h: two units at most."""
    whole = round(seconds)
    for size, unit, smaller, rest in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {rest}"
    return f"{whole} s"
