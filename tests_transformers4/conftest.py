"""What the tests with an older transformers share."""

from __future__ import annotations

from tests.support.shared_files import pytest_sessionfinish

__all__ = ["pytest_sessionfinish"]
