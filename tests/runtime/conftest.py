"""What tests of the choice of an engine share."""

from __future__ import annotations

import pytest

from albertkit.runtime import choose_engine


@pytest.fixture
def without_native(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that was installed without a compiler."""
    monkeypatch.setattr(choose_engine, "can_compute", lambda _: False)
