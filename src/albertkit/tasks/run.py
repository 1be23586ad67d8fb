"""One list of texts and the engine that is asked about it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from albertkit.arrays import FloatArray
from albertkit.engine.lists import Progress, vectors_of_texts, vectors_of_tokens
from albertkit.engine.pooling import text_vectors
from albertkit.engine.protocol import Engine, Outputs
from albertkit.spec.pooling_config import Pooling
from albertkit.tokenization import Encodings


@dataclass(frozen=True, slots=True)
class Run:
    """What `encode` asks; slots: of one call of the engine, at most."""

    engine: Engine
    encodings: Encodings
    slots: int
    progress: Progress | None

    def texts(self, pooling: Pooling) -> FloatArray:
        """[N, H]"""
        return vectors_of_texts(
            self.engine, self.encodings, pooling, slots=self.slots, progress=self.progress
        )

    def tokens(self) -> FloatArray:
        """[T, H]"""
        return vectors_of_tokens(
            self.engine, self.encodings, slots=self.slots, progress=self.progress
        )

    def pooled(self, tokens: FloatArray, pooling: Pooling) -> FloatArray:
        """[N, H] of token vectors that are there already; only the pooler needs the engine."""
        if pooling == "pooler":
            return self.texts(pooling)
        return text_vectors(Outputs(tokens=tokens), self.encodings.offsets, pooling)

    def of_each_text(self, tokens: FloatArray) -> list[FloatArray]:
        """[T, H] → N arrays [S, H]"""
        return [
            tokens[begin:end] for begin, end in itertools.pairwise(self.encodings.offsets.tolist())
        ]
