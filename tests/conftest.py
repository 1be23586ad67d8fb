"""Fixtures that all tests share, and the rule about skipped tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Hypothesis fails an example that takes 200 ms: on a busy machine that says nothing of the code.
settings.register_profile("albertkit", deadline=None)
settings.load_profile("albertkit")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of large reference files that may lie beside the clone."""
    if not (SHARED / "fixtures").is_dir():
        pytest.skip("no ../shared beside the clone: its reference files are not there")
    return SHARED


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, where the reference files are there, a skipped test is a failure."""
    if os.environ.get("CI") != "true" or not (SHARED / "fixtures").is_dir():
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for report in skipped:
            reporter.write_line(f"skipped, though all it needs is here: {report.nodeid}")
