"""What all tests share: reference files, and patience."""

from __future__ import annotations

from hypothesis import settings

from shared_files import pytest_sessionfinish, shared

__all__ = ["pytest_sessionfinish", "shared"]

# Hypothesis fails an example that takes 200 ms: on a busy machine that says nothing of the code.
settings.register_profile("albertkit", deadline=None)
settings.load_profile("albertkit")
