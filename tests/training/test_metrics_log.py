from __future__ import annotations

import json
from pathlib import Path

from albertkit.training.metrics_log import MetricsLog


def test_a_number_that_is_not_finite_is_null(tmp_path: Path) -> None:
    MetricsLog(tmp_path).write({"step": 1, "loss": float("nan"), "norm": float("inf"), "rate": 0.5})
    line = (tmp_path / "metrics.jsonl").read_text()
    assert json.loads(line) == {"step": 1, "loss": None, "norm": None, "rate": 0.5}
    assert "NaN" not in line


def test_lines_after_the_last_checkpoint_and_broken_ones_are_removed(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path)
    for step in (1, 2, 3):
        log.write({"step": step})
    with log.path.open("a") as file:
        file.write('{"step": 4, "lo')  # the process died here
    log = MetricsLog(tmp_path)
    log.remove_after(2)
    log.write({"step": 3, "again": 1})
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert lines == [{"step": 1}, {"step": 2}, {"step": 3, "again": 1}]
