"""Compute each text of a batch alone, so that the other texts cannot change its outputs.

Input: a PackedBatch and a request. Output: batches of one text, each in a row of its own length,
and their outputs joined as if the batch had been run.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.engine.packing import pack_single
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch, Spans


def split_texts(
    batch: PackedBatch, request: OutputRequest
) -> Iterator[tuple[PackedBatch, OutputRequest]]:
    """Each text with its own request, whose token numbers count from the text's first token."""
    for begin, end in itertools.pairwise(batch.offsets.tolist()):
        slots = batch.slots[begin:end]  # [S]
        single = pack_single(batch.ids.flat[slots], batch.type_ids.flat[slots], end - begin)
        # not always 0, 1, 2, …: callers of a torch model may give others
        single = replace(single, positions=batch.positions.flat[slots][None])
        yield single, _select_tokens(request, begin, end)


def concat_outputs(parts: Sequence[Outputs]) -> Outputs:
    """Join the outputs of single texts, at least one, all of the same request."""
    return Outputs(
        tokens=_concat([part.tokens for part in parts]),
        pooled=_concat([part.pooled for part in parts]),
        mlm_logits=_concat([part.mlm_logits for part in parts]),
        head_logits=_concat([part.head_logits for part in parts]),
        spans=_concat_spans([part.spans for part in parts if part.spans is not None]),
    )


def _select_tokens(request: OutputRequest, begin: int, end: int) -> OutputRequest:
    """The part of a request that is about the tokens from begin to end."""
    mlm_tokens, spans = request.mlm_tokens, request.spans
    if mlm_tokens is not None:
        mlm_tokens = mlm_tokens[(mlm_tokens >= begin) & (mlm_tokens < end)] - begin
    if spans is not None and spans.is_excluded is not None:
        spans = replace(spans, is_excluded=spans.is_excluded[begin:end])
    return replace(request, mlm_tokens=mlm_tokens, spans=spans)


def _concat_spans(parts: Sequence[Spans]) -> Spans | None:
    if not parts:
        return None
    names = [field.name for field in fields(Spans)]
    return Spans(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _concat(parts: Sequence[FloatArray | None]) -> FloatArray | None:
    """The arrays along their first axis; None for an output that was not requested."""
    arrays = [part for part in parts if part is not None]
    return np.concatenate(arrays) if arrays else None
