"""What the tests with Ray share."""

from __future__ import annotations

from tests.support.shared_files import pytest_sessionfinish

from head import head
from job_alone import alone

__all__ = ["alone", "head", "pytest_sessionfinish"]
