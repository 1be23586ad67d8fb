"""The optional folder of reference files next to the clone, for the conftest of every suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

NOT_THERE = "is not installed"  # how skips of `--light` end
SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The optional folder of large reference files next to the clone."""
    if not (SHARED / "fixtures").is_dir():
        pytest.skip("no ../shared next to the clone: its reference files are missing")
    return SHARED


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, where the reference files are there, a skipped test is a failure.

    But for the half that needs more than is installed, where only the other half was asked for.
    """
    if os.environ.get("CI") != "true" or not (SHARED / "fixtures").is_dir():
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if session.config.getoption("--light", False):
        skipped = [report for report in skipped if NOT_THERE not in str(report.longrepr)]
    if reporter and skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for report in skipped:
            reporter.write_line(f"skipped, though all it needs is here: {report.nodeid}")
