"""One call of `encode`: windows of texts in, their answers out, whatever is asked for.

A list and a stream take the same way, so that a text's answer is the same in both.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.engine.packing import SLOTS
from albertkit.runtime import LoadedModel
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tasks.empty_texts import EmptyTexts
from albertkit.tasks.inputs import Texts
from albertkit.tasks.options import EncodeOptions
from albertkit.tasks.progress import ProgressLine
from albertkit.tasks.reports import TruncationReport
from albertkit.tasks.run import Run
from albertkit.tasks.stream import ahead
from albertkit.tasks.vector_steps import apply_steps
from albertkit.tasks.vector_types import Vectors
from albertkit.tokenization import Encodings


@dataclass(frozen=True, slots=True)
class EncodeCall:
    """cuts, empty: what is to be told once of all texts; line: hears how many are done."""

    loaded: LoadedModel
    plan: PoolingConfig
    options: EncodeOptions
    cuts: TruncationReport
    line: ProgressLine | None = None
    empty: EmptyTexts = field(default_factory=EmptyTexts)

    def told(self, windows: Iterator[Texts]) -> Generator[Any]:
        """The answers; at the end the progress line ends, and what is to be told is told."""
        try:
            yield from self.answers(windows)
        finally:
            if self.line is not None:
                self.line.close()
            self.empty.tell()
            self.cuts.tell()

    def answers(self, windows: Iterator[Texts]) -> Generator[Any]:
        """Of each window its vectors [N, D], float32, or a list of what else is asked for."""
        slots = min(SLOTS, self.options.batch_size * self.cuts.max_length)
        for encodings in ahead(self.empty.seen_in(windows), self._encoded):
            engine = self.loaded.engine_for(encodings, self.plan.as_read)
            yield self._of_window(Run(engine, encodings, slots, self.line))

    def no_vectors(self) -> Vectors:
        """[0, D] of the type and length that the vectors will have."""
        return self.options.no_vectors(self.plan.width(self.loaded.config.hidden_size))

    def _encoded(self, texts: Texts) -> Encodings:
        return self.cuts.encode(self.loaded, self._as_read(texts))

    def _as_read(self, texts: Texts) -> Texts:
        """The texts as the tokenizer gets them; a pair has the prompt before its first."""
        first = [self.plan.as_read(text, self.options.prompt) for text in texts.first]
        second = texts.second and [self.plan.as_read(text, "") for text in texts.second]
        return Texts(first, second, texts.is_one, texts.numbers)

    def _of_window(self, run: Run) -> FloatArray | list[object]:
        match self.options.output_value:
            case "token_embeddings":
                return [self.options.as_asked(part) for part in run.of_each_text(run.tokens())]
            case None:
                return self._everything(run)
            case _:
                return self._finished(run.texts(self.plan.pooling))

    def _finished(self, pooled: FloatArray) -> FloatArray:
        """Pooled vectors [N, H] → vectors as they leave, [N, D]."""
        vectors = apply_steps(self.plan.steps, pooled, self.loaded.config)
        return self.options.finished(vectors)

    def _everything(self, run: Run) -> list[object]:
        """Of each text a dict: its ids, mask, token vectors and vector."""
        tokens = run.tokens()
        vectors = self._finished(run.pooled(tokens, self.plan.pooling))
        as_asked = self.options.as_asked
        return [
            {
                "input_ids": encoding.ids,
                "attention_mask": np.ones(len(encoding), np.int64),
                "token_embeddings": as_asked(own),
                "sentence_embedding": as_asked(vector),
            }
            for encoding, own, vector in zip(
                run.encodings, run.of_each_text(tokens), vectors, strict=True
            )
        ]
