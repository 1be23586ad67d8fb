"""Imports of a command: what they make stays to its end, so nobody looks for garbage among it.

Python would, seventy times until the first text is embedded: 25 ms of 450.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """What is made inside is never looked through; what comes later is, as ever."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
