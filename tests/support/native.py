"""Where the native engine was built, and what it can compute on this machine.

A checkout without a build skips its tests; CI builds it.
"""

from __future__ import annotations

from typing import get_args

import pytest

from albertkit.engine.native.library import LIBRARY, list_instruction_sets
from albertkit.engine.protocol import Precision

HAS_NATIVE = LIBRARY.is_file()
PRECISIONS: tuple[Precision, ...] = tuple(
    precision
    for precision in get_args(Precision)
    if HAS_NATIVE and list_instruction_sets(precision)
)
needs_native = pytest.mark.skipif(
    not HAS_NATIVE, reason="the native engine is not installed: `make build` builds it"
)
