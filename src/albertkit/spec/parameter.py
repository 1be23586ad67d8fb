"""A row of the parameter table, and the rows of a linear layer or a layer norm."""

from __future__ import annotations

import math
from dataclasses import dataclass

WORD_TABLE = "embeddings.word_embeddings.weight"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row: an array of the model."""

    name: str
    shape: tuple[int, ...]
    group: int | None = None  # of a layer's parameters
    inner: int | None = None
    tied_to: str | None = None  # the name whose array this one is
    decays: bool = True  # weight decay and LAMB's ratio apply (google: not to biases and norms)

    @property
    def size(self) -> int:
        """The number of floats."""
        return math.prod(self.shape)


def linear(
    name: str, inputs: int, outputs: int, group: int | None = None, inner: int | None = None
) -> tuple[Parameter, ...]:
    """The rows of a linear layer: a matrix [out, in] and its bias."""
    return (
        Parameter(f"{name}.weight", (outputs, inputs), group, inner),
        Parameter(f"{name}.bias", (outputs,), group, inner, decays=False),
    )


def norm(
    name: str, width: int, group: int | None = None, inner: int | None = None
) -> tuple[Parameter, ...]:
    """The rows of a layer norm: its scales and shifts."""
    return (
        Parameter(f"{name}.weight", (width,), group, inner, decays=False),
        Parameter(f"{name}.bias", (width,), group, inner, decays=False),
    )
