"""From token vectors in rows to what was wanted, the same for every engine.

The heads run here, in numpy and float32, on the arrays where they lie: few vectors enter them, and
a compiled graph would hold a second copy of the vocabulary matrix and compile before it answers.
"""

from __future__ import annotations

from albertkit.engine.protocol import Outputs, PackedBatch, Wanted
from albertkit.engine.span_search import search_spans
from albertkit.graph.heads import linear_head, masked_words, pooler
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import FloatArray, head


def answers(emit: NumpyEmitter, rows: FloatArray, batch: PackedBatch, wanted: Wanted) -> Outputs:
    """rows: [R, W, H] token vectors; may be the engine's own buffer, it is copied from."""
    flat = rows.reshape(-1, rows.shape[-1])  # [R·W, H]
    spec = None if wanted.head is None else head(wanted.head)
    reads_tokens = spec is not None and spec.reads == "tokens"
    reads_pooled = spec is not None and spec.reads == "pooled"

    reads_all = wanted.tokens or reads_tokens or wanted.spans is not None
    tokens = flat[batch.slots] if reads_all else None  # [T, H]
    first = batch.slots[batch.starts[:-1]]  # [N] slots of [CLS]
    pooled = pooler(emit, flat[first]) if wanted.pooled or reads_pooled else None  # [N, H]
    mlm_logits = None
    if wanted.mlm_at is not None:
        mlm_logits = masked_words(emit, emit.config, flat[batch.slots[wanted.mlm_at]])  # [P, V]
    read = tokens if reads_tokens else pooled
    head_logits = None if spec is None or read is None else linear_head(emit, spec, read)
    spans = None
    if wanted.spans is not None and tokens is not None:
        spans = search_spans(emit, tokens, batch.starts, wanted.spans)
    return Outputs(
        tokens=tokens if wanted.tokens else None,
        pooled=pooled if wanted.pooled else None,
        mlm_logits=mlm_logits,
        head_logits=head_logits,
        spans=spans,
    )
