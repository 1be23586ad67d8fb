"""The progress bar shows how many texts are done, of how many, and how fast."""

from __future__ import annotations

import re

import pytest

from albertkit.tasks.encode import ProgressLine


@pytest.mark.parametrize(
    ("total", "estimate", "shown"),
    [(40, None, "10/40 "), (None, 50, "10/50 "), (None, None, "10 texts ")],
    ids=["known", "estimated", "unknown"],
)
def test_the_time_left_is_shown_if_the_number_of_texts_is_known_or_estimated(
    total: int | None,
    estimate: int | None,
    shown: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("albertkit.tasks.encode.INTERVAL", 0)  # draw each update
    line = ProgressLine(total, estimate=lambda: estimate)
    line(10)
    first = capsys.readouterr().err.split("\r")[-1]
    assert shown in first
    assert bool(re.search(r"<\d\d:\d\d", first)) == ("/" in shown)
    line(30)
    line.close()
    assert "40/40 " in capsys.readouterr().err.split("\r")[-1]


def test_texts_of_an_earlier_run_are_counted_but_not_for_the_speed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("albertkit.tasks.encode.INTERVAL", 0)
    earlier = [30]
    line = ProgressLine(100, done=lambda: earlier[0])
    line(0)
    earlier[0] = 28  # the last shard of the earlier run was shorter than the others
    line(5)
    line.close()
    last = capsys.readouterr().err.split("\r")[-1]
    assert "33/100 " in last


def test_a_stopped_job_is_not_shown_as_complete(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("albertkit.tasks.encode.INTERVAL", 0)
    line = ProgressLine(None, estimate=lambda: 40)
    line(10)
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        line.close()
    assert "10/40 " in capsys.readouterr().err.split("\r")[-1]


def test_a_short_job_with_a_delay_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    line = ProgressLine(3, delay=5)
    line(3)
    line.close()
    assert capsys.readouterr().err == ""
