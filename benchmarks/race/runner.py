"""What a contestant's process holds: something that takes texts and a clock."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]  # [N, H]


class Runner(Protocol):
    def proof(self, texts: list[str]) -> Vectors | None:
        """The vectors by which contestants are compared; None: it has none."""

    def seconds(self, calls: list[list[str]], tokens: int) -> float:
        """How long a job takes; tokens: of all its texts."""


class Encoder(ABC):
    """A runner that encodes: a subclass says how."""

    @abstractmethod
    def encode(self, texts: list[str]) -> Vectors:
        """One vector a text [N, H]."""

    def proof(self, texts: list[str]) -> Vectors:
        return self.encode(texts)

    def seconds(self, calls: list[list[str]], tokens: int) -> float:
        begun = time.perf_counter()
        for texts in calls:
            self.encode(texts)
        return time.perf_counter() - begun


def longest(directory: Path) -> int:
    """Ids of the longest text that the model's directory reads whole; the rest is cut by all."""
    message = directory / "sentence_bert_config.json"
    file, key = (
        (message, "max_seq_length")
        if message.exists()
        else (directory / "config.json", "max_position_embeddings")
    )
    values: int = json.loads(file.read_text(encoding="utf-8"))[key]
    return values


def normalize_if_asked(vectors: Vectors, directory: Path) -> Vectors:
    """Of length one where the model's directory says so, as sentence-transformers does."""
    if not (directory / "2_Normalize").exists():
        return vectors
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
