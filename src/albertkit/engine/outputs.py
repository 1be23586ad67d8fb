"""Check a request, and compute from token vectors what it asks for: the same for every engine.

Backends answer a wrong request each in its own way (numpy raises, OpenVINO reads zeros), so it is
refused here, before any compute. The heads run here too, in numpy and float32, on the arrays of the
checkpoint: few vectors enter them, and a compiled graph would hold a second copy of the word
embeddings and compile before it answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from albertkit.arrays import FloatArray, Int32Array, Int64Array
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch
from albertkit.errors import InputError
from albertkit.graph.encoder import emit_linear_head, emit_masked_lm_head, emit_pooler
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import Weights, head
from albertkit.spec.heads import MASKED_LM, SPAN_SEARCH, Reads

FIXES: Mapping[str, str] = MappingProxyType(
    {
        "id-out-of-range": "Tokenize with the tokenizer saved with the model",
        "type-id-out-of-range": "Give type ids 0 (first text) and 1 (second text)",
        "text-too-long": "Truncate the text, or cut it into overlapping windows",
    }
)


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
        if name not in weights.heads:
            raise InputError(
                "head-missing",
                f"{weights.origin or 'this model'} has no {name} head",
                why=f"its heads are {', '.join(weights.heads) or 'none'}",
                fix="Load a checkpoint that was saved with this head",
            )
    if (request.pooled or _head_reads(request, "pooled")) and not weights.has_pooler:
        raise InputError(
            "pooler-missing",
            f"{weights.origin or 'this model'} has no pooler",
            why="checkpoints for masked words, tokens or spans are saved without one",
            fix="Use another pooling (mean, cls, max), or load a checkpoint with a pooler",
        )


def list_read_tokens(batch: PackedBatch, request: OutputRequest) -> Int64Array | None:
    """The numbers of the tokens [K] that outputs are computed from, ascending; None: all T."""
    if request.tokens or request.spans is not None or _head_reads(request, "tokens"):
        return None
    tokens = [] if request.mlm_tokens is None else [request.mlm_tokens]
    if request.pooled or _head_reads(request, "pooled"):
        tokens.append(batch.offsets[:-1])  # [CLS]
    return np.unique(np.concatenate(tokens)) if tokens else np.zeros(0, np.int64)


def compute_outputs(
    emit: NumpyEmitter,
    vectors: FloatArray,
    offsets: Int64Array,
    request: OutputRequest,
    tokens: Int64Array | None = None,
) -> Outputs:
    """Compute what is asked for.

    Args:
        emit: Runs the heads.
        vectors: [K, H] of the numbered tokens; may be returned as an output.
        offsets: [N + 1]; text n owns the tokens offsets[n]:offsets[n + 1].
        request: What is asked for.
        tokens: [K], as `list_read_tokens` gives them; None: all.

    Returns:
        The outputs.
    """

    def select(numbers: Int64Array) -> FloatArray:
        return vectors[numbers if tokens is None else np.searchsorted(tokens, numbers)]

    reads_pooled = _head_reads(request, "pooled")
    pooled = None
    if request.pooled or reads_pooled:
        pooled = emit_pooler(emit, select(offsets[:-1]))  # [N, H]
    mlm_logits = None
    if request.mlm_tokens is not None:
        mlm_logits = emit_masked_lm_head(emit, emit.config, select(request.mlm_tokens))  # [P, V]
    head_logits = None
    if request.head is not None:
        inputs = pooled if reads_pooled and pooled is not None else vectors
        head_logits = emit_linear_head(emit, head(request.head), inputs)
    spans = None
    if request.spans is not None:
        from albertkit.engine.span_search import search_spans  # few processes search answers

        spans = search_spans(emit, vectors, offsets, request.spans)
    return Outputs(
        tokens=vectors if request.tokens else None,
        pooled=pooled if request.pooled else None,
        mlm_logits=mlm_logits,
        head_logits=head_logits,
        spans=spans,
    )


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


def _head_reads(request: OutputRequest, kind: Reads) -> bool:
    """Whether the head that is asked for reads token vectors, or pooled ones."""
    return request.head is not None and head(request.head).reads == kind
