"""What a contestant's process holds: something that takes texts and a clock."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

MAX_LENGTH = 512  # ids, specials included

Vectors = npt.NDArray[np.float32]  # [N, H]


class Runner(Protocol):
    def proof(self, texts: list[str]) -> Vectors | None:
        """The vectors by which contestants are compared; None: it has none."""

    def seconds(self, calls: list[list[str]], tokens: int) -> float:
        """How long a job takes; tokens: of all its texts."""


class Encoder:
    """A runner that encodes: whoever derives from it says how."""

    def encode(self, texts: list[str]) -> Vectors:
        raise NotImplementedError

    def proof(self, texts: list[str]) -> Vectors:
        return self.encode(texts)

    def seconds(self, calls: list[list[str]], tokens: int) -> float:
        begun = time.perf_counter()
        for texts in calls:
            self.encode(texts)
        return time.perf_counter() - begun


def normalised(vectors: Vectors, place: Path) -> Vectors:
    """Of length one where the model's directory says so, as sentence-transformers does."""
    if not (place / "2_Normalize").exists():
        return vectors
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
