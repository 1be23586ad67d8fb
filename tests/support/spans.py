"""The answers that an engine finds in a list of texts, in the list's order."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from albertkit.engine.packing import SLOTS, number_tokens, pack, plan
from albertkit.engine.protocol import Engine, OutputRequest, Spans, SpanSearch
from albertkit.tokenization.encodings import Encodings


def spans_of_texts(engine: Engine, encodings: Encodings, search: SpanSearch) -> Spans:
    """The likeliest answers of each text; `search.is_excluded` is of the list's tokens [T]."""
    layouts = plan(encodings.lengths, slots=SLOTS)
    parts = []
    for layout in layouts:
        closed = search.is_excluded
        if closed is not None:
            closed = closed[number_tokens(encodings, layout)]
        wanted = OutputRequest(spans=replace(search, is_excluded=closed))
        spans = engine.run(pack(encodings, layout), wanted).spans
        assert spans is not None
        parts.append(spans)
    back = np.argsort(np.concatenate([layout.texts for layout in layouts]))  # [N]
    columns = (
        np.concatenate([getattr(part, field.name) for part in parts])[back]
        for field in fields(Spans)
    )
    return Spans(*columns)
