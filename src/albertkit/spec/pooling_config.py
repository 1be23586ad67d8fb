"""What makes one vector of a text's token vectors: pooling, then steps, and what goes before.

A bare encoder has the plan's defaults; directories of sentence-transformers bring their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from albertkit.arrays import FloatArray
from albertkit.spec.config_values import Activation

Pooling = Literal["mean", "cls", "max", "pooler"]
Similarity = Literal["cosine", "dot", "euclidean", "manhattan"]


@dataclass(frozen=True, slots=True)
class Dense:
    """A linear layer on pooled vectors, and an activation."""

    weight: FloatArray  # [out, in]
    bias: FloatArray | None  # [out]
    activation: Activation


@dataclass(frozen=True, slots=True)
class Normalise:
    """Each vector is divided by its length."""


VectorStep: TypeAlias = Dense | Normalise


@dataclass(frozen=True, slots=True)
class PoolingConfig:
    """From texts to vectors, beside the encoder itself.

    max_length: of a text in ids, specials included; None: as many as the model has positions.
    prompts: name → what is put before a text; default_prompt: the name that holds where none is
    asked for. lower_case: whether texts are lower-cased before the tokenizer sees them.
    """

    pooling: Pooling = "mean"
    steps: tuple[VectorStep, ...] = ()
    max_length: int | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    similarity: Similarity = "cosine"
    lower_case: bool = False

    def __post_init__(self) -> None:
        """Keep the prompts as a dict, which can be copied and pickled."""
        object.__setattr__(self, "prompts", dict(self.prompts))

    def as_read(self, text: str, prompt: str | None = None) -> str:
        """A text as the tokenizer gets it; prompt: what is put before it, None: the default one."""
        if prompt is None:
            prompt = self.prompts.get(self.default_prompt or "", "")
        return (prompt + text).lower() if self.lower_case else prompt + text

    def __reduce__(self) -> tuple[object, ...]:
        """A mapping that cannot be written to cannot be pickled either: it becomes a dict."""
        values = [getattr(self, name) for name in self.__slots__]
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in values)

    def width(self, hidden_size: int) -> int:
        """Numbers in a vector."""
        for step in reversed(self.steps):
            if isinstance(step, Dense):
                return len(step.weight)
        return hidden_size
