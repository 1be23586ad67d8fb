"""Ask an engine all that is wanted of a list of texts: one Outputs, in the list's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from albertkit.engine.protocol import Engine, Int64Array, Outputs, Spans, Wanted
from albertkit.model.unpadded import Unpadded
from albertkit.spec import head

Number = TypeVar("Number", bound=np.generic)


def answers_of(engine: Engine, texts: Unpadded, wanted: Wanted) -> Outputs:
    """wanted: its tokens are numbered through the whole list; mlm_at is ascending, none twice."""
    parts: list[Outputs] = []
    of_texts, of_tokens, of_masked = [], [], []  # whose each part's answers are
    for layout, numbers, batch in texts.batches():
        here, at, spans = wanted, wanted.mlm_at, wanted.spans
        if at is not None:
            asked = np.flatnonzero(np.isin(numbers, at))
            here = replace(here, mlm_at=asked)
            of_masked.append(np.searchsorted(at, numbers[asked]))
        if spans is not None and spans.closed is not None:
            here = replace(here, spans=replace(spans, closed=spans.closed[numbers]))
        of_texts.append(layout.texts)
        of_tokens.append(numbers)
        parts.append(engine.run(batch, here))
    of_head = of_tokens if wanted.head and head(wanted.head).reads == "tokens" else of_texts
    return Outputs(
        tokens=_ordered([part.tokens for part in parts], of_tokens),
        pooled=_ordered([part.pooled for part in parts], of_texts),
        mlm_logits=_ordered([part.mlm_logits for part in parts], of_masked),
        head_logits=_ordered([part.head_logits for part in parts], of_head),
        spans=_ordered_spans([part.spans for part in parts], of_texts),
    )


def _ordered(
    parts: Sequence[npt.NDArray[Number] | None], owners: Sequence[Int64Array]
) -> npt.NDArray[Number] | None:
    """Row i of a part becomes the row that the part's owners[i] says."""
    there = [part for part in parts if part is not None]
    if not there:
        return None
    flat = np.concatenate(there)
    ordered = np.empty_like(flat)
    ordered[np.concatenate(owners)] = flat
    return ordered


def _ordered_spans(parts: Sequence[Spans | None], owners: Sequence[Int64Array]) -> Spans | None:
    there = [part for part in parts if part is not None]
    if not there:
        return None
    columns = (
        _ordered([getattr(part, field.name) for part in there], owners) for field in fields(Spans)
    )
    return Spans(*columns)  # type: ignore[arg-type]  # none is None where Spans are there
