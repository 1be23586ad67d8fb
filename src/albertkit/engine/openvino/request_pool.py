"""The requests of an engine that are not at work: who takes one gives it back."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from albertkit.engine.openvino.compiled_encoder import Request


class RequestPool:
    """As many threads as there are requests compute at the same time; further ones wait."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._idle = list(requests)
        self._is_closed = False
        self._changed = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[Request]:
        """A request for this thread alone, the one that was used last."""
        with self._changed:
            self._changed.wait_for(lambda: self._idle or self._is_closed)
            if self._is_closed:
                raise RuntimeError("this engine was closed")
            request = self._idle.pop()
        try:
            yield request
        finally:
            with self._changed:
                if not self._is_closed:
                    self._idle.append(request)
                    self._changed.notify()

    def close(self) -> None:
        """Let go of all; those at work go when they have answered."""
        with self._changed:
            self._is_closed = True
            self._idle.clear()
            self._changed.notify_all()
