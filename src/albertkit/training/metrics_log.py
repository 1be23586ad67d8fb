"""The metrics of a run, one JSON object a line, kept over interruptions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from albertkit.fileformats.atomic import write_file

FILE = "metrics.jsonl"


class MetricsLog:
    """Appends lines to `metrics.jsonl` of an output directory.

    Args:
        directory: the run's output directory.
        last_step: lines of later steps are removed: the run goes on from this step, so these
            steps are computed again.
    """

    def __init__(self, directory: Path, last_step: int = 0) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / FILE
        if self.path.exists():
            self._remove_after(last_step)

    def write(self, entry: Mapping[str, float | int]) -> None:
        """Append a line; a number that is not finite becomes null, since JSON has no NaN."""
        clean = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in entry.items()
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(clean, allow_nan=False) + "\n")

    def _remove_after(self, last_step: int) -> None:
        """Keep whole lines up to the step; a line half written when the process died goes too."""
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
