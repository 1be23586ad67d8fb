"""From token vectors to what was wanted, the same for every engine.

The heads run here, in numpy and float32, on the arrays where they lie: few vectors enter them, and
a compiled graph would hold a second copy of the vocabulary matrix and compile before it answers.
"""

from __future__ import annotations

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch
from albertkit.engine.span_search import search_spans
from albertkit.graph.heads import emit_linear_head, emit_masked_lm_head, emit_pooler
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import head
from albertkit.spec.heads import Reads


def tokens_read(batch: PackedBatch, wanted: OutputRequest) -> Int64Array | None:
    """[K] numbers of the tokens that answers are made of, ascending; None: of all T."""
    if wanted.tokens or wanted.spans is not None or _head_reads(wanted, "tokens"):
        return None
    at = [] if wanted.mlm_at is None else [wanted.mlm_at]
    if wanted.pooled or _head_reads(wanted, "pooled"):
        at.append(batch.offsets[:-1])  # [CLS]
    return np.unique(np.concatenate(at)) if at else np.zeros(0, np.int64)


def answers(
    emit: NumpyEmitter,
    vectors: FloatArray,
    offsets: Int64Array,
    wanted: OutputRequest,
    read: Int64Array | None = None,
) -> Outputs:
    """vectors: [K, H] of the tokens `read`, as `tokens_read` gave them; may become an answer.

    offsets: [N + 1], text n owns the tokens from starts[n] on.
    """

    def of(tokens: Int64Array) -> FloatArray:
        return vectors[tokens if read is None else np.searchsorted(read, tokens)]

    reads_pooled = _head_reads(wanted, "pooled")
    pooled = (
        emit_pooler(emit, of(offsets[:-1])) if wanted.pooled or reads_pooled else None
    )  # [N, H]
    mlm_logits = None
    if wanted.mlm_at is not None:
        mlm_logits = emit_masked_lm_head(emit, emit.config, of(wanted.mlm_at))  # [P, V]
    head_logits = None
    if wanted.head is not None:
        seen = pooled if reads_pooled and pooled is not None else vectors
        head_logits = emit_linear_head(emit, head(wanted.head), seen)
    spans = None
    if wanted.spans is not None:
        spans = search_spans(emit, vectors, offsets, wanted.spans)
    return Outputs(
        tokens=vectors if wanted.tokens else None,
        pooled=pooled if wanted.pooled else None,
        mlm_logits=mlm_logits,
        head_logits=head_logits,
        spans=spans,
    )


def _head_reads(wanted: OutputRequest, kind: Reads) -> bool:
    return wanted.head is not None and head(wanted.head).reads == kind
