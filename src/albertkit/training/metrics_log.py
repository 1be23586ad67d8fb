"""What happened in a run, a JSON object a line, kept over interruptions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


class MetricsLog:
    """Appends lines to `journal.jsonl` of a run directory."""

    def __init__(self, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self.path = place / "journal.jsonl"

    def write(self, entry: Mapping[str, float | int]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(dict(entry)) + "\n")
