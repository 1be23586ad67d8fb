"""Fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of large reference files that may lie beside the clone."""
    if not (SHARED / "fixtures").is_dir():
        pytest.skip("no ../shared beside the clone: its reference files are not there")
    return SHARED
