"""What an engine takes and gives: packed rows in, token vectors or head outputs out.

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
    """N texts laid end to end into R rows of width W; empty slots belong to nobody (owner -1)."""

    ids: Int32Array  # [R, W]
    type_ids: Int32Array  # [R, W]
    positions: Int32Array  # [R, W], counted from 0 in each text
    segment_ids: Int32Array  # [R, W], number of the text in this batch, or -1
    slots: Int64Array  # [T], flat slot of each token, the texts in their order
    offsets: Int64Array  # [N + 1], text n owns slots[starts[n]:starts[n + 1]]


@dataclass(frozen=True, slots=True)
class SpanSearch:
    """How widely answers are searched: so many beginnings, and for each so many ends.

    closed: [T], tokens where no answer may begin or end; None: it may everywhere.
    """

    start_n_top: int
    end_n_top: int
    is_excluded: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Spans:
    """The likeliest answers of N texts; K beginnings each, the likeliest first, M ends for each.

    Places count a text's tokens from 0. A text with fewer tokens has less: there places are -1,
    and log probabilities -inf. no_answer_logit: a logit; above 0 there is no answer.
    """

    start_log_probs: FloatArray  # [N, K]
    start_index: Int64Array  # [N, K]
    end_log_probs: FloatArray  # [N, K, M]
    end_index: Int64Array  # [N, K, M]
    no_answer_logit: FloatArray  # [N]


@dataclass(frozen=True, slots=True)
class OutputRequest:
    """What is to be computed; nothing else is."""

    tokens: bool = False  # token vectors [T, H]
    pooled: bool = False  # the pooler's tanh vector of each text [N, H]
    mlm_tokens: Int64Array | None = None  # [P] ascending token numbers whose word logits are wanted
    head: str | None = None  # a linear head's logits: [N, C] or [T, C]
    spans: SpanSearch | None = None

    def __post_init__(self) -> None:
        if self.head is not None and self.head in NOT_LINEAR:
            raise ValueError(
                f"{self.head} is asked for with mlm_tokens or spans: its name is not enough"
            )


@dataclass(frozen=True, slots=True)
class Outputs:
    """What was wanted; the rest is None. The arrays belong to the caller."""

    tokens: FloatArray | None = None  # [T, H]
    pooled: FloatArray | None = None  # [N, H]
    mlm_logits: FloatArray | None = None  # [P, V]
    head_logits: FloatArray | None = None  # [N, C] or [T, C]
    spans: Spans | None = None


def given(array: FloatArray | None) -> FloatArray:
    """An output that was wanted; an engine that leaves it out breaks its contract."""
    if array is None:
        raise AssertionError("the engine was not asked for this output, or did not give it")
    return array


class Engine(Protocol):
    """Runs one model on packed batches. Engines give the same numbers to 1e-5 in float32.

    `run` raises InputError where the model cannot answer (`engine/outputs.py`), before it computes;
    it may be called from several threads.
    """

    @property
    def name(self) -> str: ...
    @property
    def config(self) -> AlbertConfig: ...
    @property
    def precision(self) -> Precision: ...
    def run(self, batch: PackedBatch, wanted: OutputRequest) -> Outputs: ...
    def close(self) -> None: ...
