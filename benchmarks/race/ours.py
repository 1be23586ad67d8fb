"""albertkit as its users call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from albertkit import TextEmbedder
from race.runner import Encoder, Vectors


class Ours(Encoder):
    """The number of threads is that of the processors which the process may use."""

    def __init__(self, directory: Path, threads: int, **options: Any) -> None:
        self.embedder = TextEmbedder(directory, **options)

    def encode(self, texts: list[str]) -> Vectors:
        return self.embedder.encode(texts)
