"""The metrics of a run, kept over interruptions: one JSON object a line, and TensorBoard's file."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from albertkit.fileformats.atomic import write_errors, write_file
from albertkit.fileformats.tensorflow.event_file import encode_scalars, encode_version

FILE = "metrics.jsonl"
EVENT_FILE = "events.out.tfevents.albertkit"  # TensorBoard looks for "tfevents" in names
LoggedMetrics: TypeAlias = Mapping[str, float | None]  # None: it was not finite


class MetricsLog:
    """Appends lines to `metrics.jsonl` of an output directory, and records for TensorBoard.

    Args:
        directory: the run's output directory.
    """

    def __init__(self, directory: Path) -> None:
        with write_errors(directory):
            directory.mkdir(parents=True, exist_ok=True)
        self.path, self.event_path = directory / FILE, directory / EVENT_FILE

    def write(self, entry: Mapping[str, float | int]) -> None:
        """Append a line; a number that is not finite becomes null, since JSON has no NaN.

        Raises:
            ResourceError: [write-failed]; a line half written is removed when the run goes on.
        """
        clean = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in entry.items()
        }
        with write_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(clean, allow_nan=False) + "\n")
        is_new = not self.event_path.exists()
        with write_errors(self.event_path), self.event_path.open("ab") as events:
            if is_new:
                events.write(encode_version(time.time()))
            events.write(_encode_event(clean))

    def remove_after(self, last_step: int) -> None:
        """Remove the lines of later steps: the run goes on from this one and computes them again.

        A line half written when the process died goes too.
        """
        if not self.path.exists():
            return
        lines = self.path.read_text(encoding="utf-8").splitlines()
        kept, events = [], [encode_version(time.time())]
        for line in lines:
            try:
                entry = json.loads(line)
                step = entry["step"]
            except (ValueError, KeyError, TypeError):
                continue
            if step <= last_step:
                kept.append(line + "\n")
                events.append(_encode_event(entry))
        if len(kept) < len(lines):
            write_file(self.path, "".join(kept).encode())
            write_file(self.event_path, b"".join(events))


def _encode_event(entry: LoggedMetrics) -> bytes:
    """The record of a line; what is not finite has no point in the chart."""
    scalars = {key: value for key, value in entry.items() if key != "step" and value is not None}
    return encode_scalars(time.time(), int(entry["step"] or 0), scalars)


def read_metrics(directory: Path) -> list[LoggedMetrics]:
    """The lines of the metrics log in an output directory; none if nothing was logged."""
    path = directory / FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines]
