"""The line of progress says how much is done, how fast, and how long it will take where known."""

from __future__ import annotations

import pytest

from albertkit.tasks.progress import ProgressLine


@pytest.mark.parametrize(
    ("total", "estimate", "shown", "ended"),
    [
        (40, None, "10 of 40 texts, ", "40 of 40 texts, "),
        (None, 40, "10 of about 40 texts, ", "40 of 40 texts, "),
        (None, None, "10 texts, total unknown, ", "40 texts, total unknown, "),
    ],
)
def test_time_left_is_told_where_an_end_is_in_sight(
    total: int | None,
    estimate: int | None,
    shown: str,
    ended: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ProgressLine(total, estimate=lambda: estimate)
    line(10)
    first = capsys.readouterr().err
    assert first.startswith(f"\r{shown}")
    assert " a second, " in first
    assert (" left" in first) == ("of" in shown)
    line(30)
    line.close()
    last = capsys.readouterr().err.split("\r")[-1]
    assert last.startswith(ended)
    assert " left" not in last
