"""Ask about each text of a batch by itself, so that no other text can change its answer.

In: a PackedBatch and what is wanted of it. Out: as many batches of one text, each in a row of just
its length, and their answers joined as if the batch had been asked.
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
    batch: PackedBatch, wanted: OutputRequest
) -> Iterator[tuple[PackedBatch, OutputRequest]]:
    """Each text and what is wanted of it; tokens are counted from its own first."""
    for begin, end in itertools.pairwise(batch.offsets.tolist()):
        slots = batch.slots[begin:end]  # [S]
        alone = pack_single(batch.ids.flat[slots], batch.type_ids.flat[slots], end - begin)
        # not always 0, 1, 2, …: a torch model's caller may give others
        alone = replace(alone, positions=batch.positions.flat[slots][None])
        yield alone, _wanted_of(wanted, begin, end)


def joined(parts: Sequence[Outputs]) -> Outputs:
    """The answers about single texts as one; at least one of them, all to the same question."""
    return Outputs(
        tokens=_end_to_end([part.tokens for part in parts]),
        pooled=_end_to_end([part.pooled for part in parts]),
        mlm_logits=_end_to_end([part.mlm_logits for part in parts]),
        head_logits=_end_to_end([part.head_logits for part in parts]),
        spans=_spans([part.spans for part in parts if part.spans is not None]),
    )


def _wanted_of(wanted: OutputRequest, begin: int, end: int) -> OutputRequest:
    """What is wanted of the tokens begin … end."""
    mlm_tokens, spans = wanted.mlm_tokens, wanted.spans
    if mlm_tokens is not None:
        mlm_tokens = mlm_tokens[(mlm_tokens >= begin) & (mlm_tokens < end)] - begin
    if spans is not None and spans.is_excluded is not None:
        spans = replace(spans, is_excluded=spans.is_excluded[begin:end])
    return replace(wanted, mlm_tokens=mlm_tokens, spans=spans)


def _spans(parts: Sequence[Spans]) -> Spans | None:
    if not parts:
        return None
    names = [field.name for field in fields(Spans)]
    return Spans(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _end_to_end(parts: Sequence[FloatArray | None]) -> FloatArray | None:
    """The arrays along their first axis; None where nothing was wanted."""
    given = [part for part in parts if part is not None]
    return np.concatenate(given) if given else None
