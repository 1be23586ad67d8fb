"""Ask an engine all that is wanted of a list of texts: one Outputs, in the list's order."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int64Array
from albertkit.engine.protocol import Engine, OutputRequest, Outputs, Spans
from albertkit.model.unpadded import UnpaddedBatch
from albertkit.spec import head

Array = npt.NDArray[Any]  # of float32, or of places


def run_unpadded(engine: Engine, texts: UnpaddedBatch, wanted: OutputRequest) -> Outputs:
    """wanted: its tokens are numbered through the whole list; mlm_at is ascending, none twice."""
    N, T = len(texts.encodings), len(texts.positions)
    P = 0 if wanted.mlm_at is None else len(wanted.mlm_at)
    reads_tokens = wanted.head is not None and head(wanted.head).reads == "tokens"
    whole, spans = _Whole(), _Whole()
    for layout, numbers, batch in texts.batches():
        here = wanted
        if wanted.mlm_at is not None:
            masked = np.flatnonzero(np.isin(numbers, wanted.mlm_at))
            here = replace(here, mlm_at=masked)
        if wanted.spans is not None and wanted.spans.is_excluded is not None:
            here = replace(
                here, spans=replace(wanted.spans, is_excluded=wanted.spans.is_excluded[numbers])
            )
        part = engine.run(batch, here)
        whole.put("tokens", part.tokens, numbers, T)
        whole.put("pooled", part.pooled, layout.texts, N)
        if reads_tokens:
            whole.put("head_logits", part.head_logits, numbers, T)
        else:
            whole.put("head_logits", part.head_logits, layout.texts, N)
        if wanted.mlm_at is not None:
            places = np.searchsorted(wanted.mlm_at, numbers[masked])
            whole.put("mlm_logits", part.mlm_logits, places, P)
        if part.spans is not None:
            for field in fields(Spans):
                spans.put(field.name, getattr(part.spans, field.name), layout.texts, N)
    return Outputs(**whole.arrays, spans=Spans(**spans.arrays) if spans.arrays else None)


class _Whole:
    """Arrays that are filled in call by call, so that logits of all words are there but once."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def put(self, name: str, part: Array | None, segment_ids: Int64Array, count: int) -> None:
        """Row i of `part` becomes row owners[i] of `count`."""
        if part is None:
            return
        if name not in self.arrays:
            self.arrays[name] = np.empty((count, *part.shape[1:]), part.dtype)
        self.arrays[name][segment_ids] = part
