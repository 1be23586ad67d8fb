"""What the tests with Ray share."""

from __future__ import annotations

from head import head
from job_alone import alone
from shared_files import pytest_sessionfinish

__all__ = ["alone", "head", "pytest_sessionfinish"]
