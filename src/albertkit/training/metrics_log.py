"""The metrics of a run, one JSON object a line, kept over interruptions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from albertkit.fileformats.atomic import write_file

FILE = "metrics.jsonl"
LoggedMetrics: TypeAlias = Mapping[str, float | None]  # None: it was not finite


class MetricsLog:
    """Appends lines to `metrics.jsonl` of an output directory.

    Args:
        directory: the run's output directory.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / FILE

    def write(self, entry: Mapping[str, float | int]) -> None:
        """Append a line; a number that is not finite becomes null, since JSON has no NaN."""
        clean = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in entry.items()
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(clean, allow_nan=False) + "\n")

    def remove_after(self, last_step: int) -> None:
        """Remove the lines of later steps: the run goes on from this one and computes them again.

        A line half written when the process died goes too.
        """
        if not self.path.exists():
            return
        lines = self.path.read_text(encoding="utf-8").splitlines()
        kept = []
        for line in lines:
            try:
                step = json.loads(line)["step"]
            except (ValueError, KeyError, TypeError):
                continue
            if step <= last_step:
                kept.append(line + "\n")
        if len(kept) < len(lines):
            write_file(self.path, "".join(kept).encode())


def read_metrics(directory: Path) -> list[LoggedMetrics]:
    """The lines of the metrics log in an output directory."""
    lines = (directory / FILE).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
