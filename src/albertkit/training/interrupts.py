"""Ctrl-C and SIGTERM end a run after its current step, so that its state can be saved whole."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class StopSignals:
    """Notes SIGINT and SIGTERM inside a `with`; a second one acts as usual."""

    def __init__(self) -> None:
        self.received = 0  # the signal's number
        self.previous: dict[int, object] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() returned
        self.previous = {}
