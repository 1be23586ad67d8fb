"""What an engine takes and returns: packed rows, and token vectors or the outputs of heads.

Backends answer a wrong request each in its own way (numpy raises, OpenVINO reads zeros), so it is
refused here, before any compute.

Letters: N texts, T real tokens, R rows, W row width, P masked positions, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

import numpy as np

from albertkit.arrays import BoolArray, FloatArray, Int32Array, Int64Array
from albertkit.errors import InputError
from albertkit.spec import HEADS, AlbertConfig, Weights, head
from albertkit.spec.heads import MASKED_LM, SPAN_SEARCH, Reads

Precision = Literal["float32", "bfloat16", "int8"]
NOT_LINEAR = frozenset(spec.name for spec in HEADS if not spec.is_linear)
FIXES: Mapping[str, str] = MappingProxyType(
    {
        "id-out-of-range": "Tokenize with the tokenizer saved with the model",
        "type-id-out-of-range": "Give type ids 0 (first text) and 1 (second text)",
        "text-too-long": "Truncate the text, or cut it into overlapping windows",
    }
)


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
        is_excluded: [T], tokens that are neither a start nor an end; None: no token.
    """

    start_n_top: int
    end_n_top: int
    is_excluded: BoolArray | None = None


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
    `check_request`.
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

    @property
    def tokens_per_call(self) -> int | None:
        """Tokens of a call that suit it, if it needs no rows; None: it computes rows, padded."""
        ...

    def run(self, batch: PackedBatch, request: OutputRequest) -> Outputs:
        """Compute what is requested of a batch."""
        ...

    def close(self) -> None:
        """Free the engine's memory."""
        ...


def check_request(weights: Weights, batch: PackedBatch, request: OutputRequest) -> None:
    """Refuse what a model cannot compute.

    Raises:
        InputError: [id-out-of-range], [type-id-out-of-range], [text-too-long], [head-missing],
            [pooler-missing].
    """
    c = weights.config
    _check_range("id-out-of-range", "an id", batch.ids, c.vocab_size, "ids")
    _check_range("type-id-out-of-range", "a type id", batch.type_ids, c.type_vocab_size, "type ids")
    _check_range(
        "text-too-long", "a position", batch.positions, c.max_position_embeddings, "positions"
    )
    for name in _list_heads(request):
        check_head(weights, name)
    if (request.pooled or head_reads(request, "pooled")) and not weights.has_pooler:
        raise InputError(
            "pooler-missing",
            f"{weights.origin or 'this model'} has no pooler",
            why="checkpoints for masked words, tokens or spans are saved without one",
            fix="Use another pooling (mean, cls, max), or load a checkpoint with a pooler",
        )


def check_head(weights: Weights, name: str) -> None:
    """Refuse a model without a head.

    Args:
        weights: Of the model.
        name: Of the head.

    Raises:
        InputError: [head-missing].
    """
    if name not in weights.heads:
        raise InputError(
            "head-missing",
            f"{weights.origin or 'this model'} has no {name} head",
            why=f"its heads are {', '.join(weights.heads)}" if weights.heads else "it has no heads",
            fix="Give a model that was saved with this head (albertkit models lists some)",
        )


def head_reads(request: OutputRequest, kind: Reads) -> bool:
    """Whether the head that is asked for reads token vectors, or pooled ones."""
    return request.head is not None and head(request.head).reads == kind


def _check_range(code: str, what: str, values: Int32Array, count: int, many: str) -> None:
    """Refuse values outside of 0 to count - 1."""
    if values.view(np.uint32).max() < count:  # as unsigned, a negative value is a large one
        return
    low, high = int(values.min()), int(values.max())
    raise InputError(
        code,
        f"{what} is {low if low < 0 else high}, this model has {many} 0 to {count - 1}",
        why="it would be read from outside the model's tables",
        fix=FIXES[code],
    )


def _list_heads(request: OutputRequest) -> list[str]:
    """The names of the heads that are asked for."""
    names = [] if request.head is None else [request.head]
    if request.mlm_tokens is not None:
        names.append(MASKED_LM.name)
    if request.spans is not None:
        names.append(SPAN_SEARCH.name)
    return names
