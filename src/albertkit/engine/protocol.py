"""What an engine takes and returns: packed rows, and token vectors or the outputs of heads.

Letters: N texts, T real tokens, R rows, W row width, P masked positions, H hidden, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray, Int32Array, Int64Array
from albertkit.spec import HEADS, AlbertConfig

Precision = Literal["float32", "bfloat16", "int8"]
NOT_LINEAR = frozenset(spec.name for spec in HEADS if not spec.is_linear)


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """N texts, one after another in R rows of width W; slots without a token have segment id -1."""

    ids: Int32Array  # [R, W]
    type_ids: Int32Array  # [R, W]
    positions: Int32Array  # [R, W], counted from 0 in each text
    segment_ids: Int32Array  # [R, W], number of the text in this batch, or -1
    slots: Int64Array  # [T], flat slot of each token, the texts in their order
    offsets: Int64Array  # [N + 1], text n owns slots[offsets[n]:offsets[n + 1]]


@dataclass(frozen=True, slots=True)
class SpanSearch:
    """How many answers to search: K starts, and M ends for each.

    Attributes:
        start_n_top: K.
        end_n_top: M.
        is_excluded: [T], tokens that are no start and no end; None: no token.
    """

    start_n_top: int
    end_n_top: int
    is_excluded: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Spans:
    """The likeliest answers of N texts: K starts, the likeliest first, and M ends for each.

    An index counts a text's tokens from 0. A text with fewer tokens has fewer answers: the other
    indices are -1 and their log probabilities -inf. If no_answer_logit is above 0, the text has no
    answer.
    """

    start_log_probs: FloatArray  # [N, K]
    start_index: Int64Array  # [N, K]
    end_log_probs: FloatArray  # [N, K, M]
    end_index: Int64Array  # [N, K, M]
    no_answer_logit: FloatArray  # [N]


@dataclass(frozen=True, slots=True)
class OutputRequest:
    """What to compute; nothing else is computed."""

    tokens: bool = False  # token vectors [T, H]
    pooled: bool = False  # the pooler's tanh vector of each text [N, H]
    mlm_tokens: Int64Array | None = None  # [P] ascending token numbers to predict
    head: str | None = None  # a linear head's logits: [N, C] or [T, C]
    spans: SpanSearch | None = None

    def __post_init__(self) -> None:
        if self.head is not None and self.head in NOT_LINEAR:
            raise ValueError(
                f"{self.head} is requested by mlm_tokens or spans: its name is not enough"
            )


@dataclass(frozen=True, slots=True)
class Outputs:
    """What was requested; the rest is None. The arrays belong to the caller."""

    tokens: FloatArray | None = None  # [T, H]
    pooled: FloatArray | None = None  # [N, H]
    mlm_logits: FloatArray | None = None  # [P, V]
    head_logits: FloatArray | None = None  # [N, C] or [T, C]
    spans: Spans | None = None


def require_output(array: FloatArray | None) -> FloatArray:
    """An output that was requested; an engine that leaves it out breaks its contract."""
    if array is None:
        raise AssertionError("this output was not requested, or the engine did not return it")
    return array


class Engine(Protocol):
    """Runs one model on packed batches. Engines give the same numbers to 1e-5 in float32.

    `run` may be called from several threads. Before it computes it raises the InputErrors of
    `check_request` in `engine/outputs.py`.
    """

    @property
    def name(self) -> str:
        """The engine's name in LoadOptions."""
        ...

    @property
    def config(self) -> AlbertConfig:
        """The model's config."""
        ...

    @property
    def precision(self) -> Precision:
        """The precision of the products."""
        ...

    def run(self, batch: PackedBatch, request: OutputRequest) -> Outputs:
        """Compute what is requested of a batch."""
        ...

    def close(self) -> None:
        """Free the engine's memory."""
        ...
