"""What tests of the choice of an engine share."""

from __future__ import annotations

import pytest

from albertkit.engine import cpu_engine
from albertkit.engine.native.library import ISA_VARIABLE, NO_ISA


@pytest.fixture
def without_native(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that the native engine has no instruction set for; the warning comes anew."""
    monkeypatch.setenv(ISA_VARIABLE, NO_ISA)
    cpu_engine._warned.clear()
