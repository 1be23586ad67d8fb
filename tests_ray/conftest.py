"""What the tests with Ray share."""

from __future__ import annotations

from tests.support.shared_files import pytest_sessionfinish
from tests_ray.head import head
from tests_ray.job_alone import alone

__all__ = ["alone", "head", "pytest_sessionfinish"]
