"""A progress bar on standard error, drawn by tqdm, for long lists and streams of texts."""

from __future__ import annotations

import sys
from collections.abc import Callable

INTERVAL = 0.1  # seconds between two drawings


class ProgressLine:
    """A progress bar that counts texts.

    Args:
        total: number of texts; None if it is not known.
        estimate: the number of texts that is estimated so far, if `total` is None.
        done: number of texts that an earlier run finished; they do not count for the speed.
        delay: seconds before the bar is drawn.
        unit: what is counted, with a space before it.
    """

    def __init__(
        self,
        total: int | None,
        *,
        estimate: Callable[[], int | None] = lambda: None,
        done: Callable[[], int] = lambda: 0,
        delay: float = 0,
        unit: str = " texts",
    ) -> None:
        from tqdm import tqdm  # only if progress is shown: 15 ms

        self._total = total
        self._estimate = estimate
        self._done = done
        self._own = 0
        self._bar = tqdm(
            total=total,
            initial=done(),
            unit=unit,
            file=sys.stderr,
            delay=delay,
            dynamic_ncols=True,
            mininterval=INTERVAL,
        )

    def __call__(self, count: int) -> None:
        """Count texts that were just finished."""
        self._own += count
        if self._total is None:
            self._bar.total = self._estimate()
        self._update()

    def clear(self) -> None:
        """Clear the line, so that another line can be printed; the next update draws it anew."""
        self._bar.clear()

    def close(self) -> None:
        """Draw the final count and end the line."""
        self._update()  # what is done of an earlier run may have been an estimate, too
        is_stopped = sys.exception() is not None  # by Ctrl-C or an error: not all texts are done
        if self._total is None and self._own and not is_stopped:
            self._bar.total = self._bar.n
        self._bar.close()

    def _update(self) -> None:
        self._bar.initial = self._done()
        self._bar.update(self._bar.initial + self._own - self._bar.n)
