"""What a model answers to the questions: every output that its parts allow, in numpy.

In: Weights and Questions. Out: name of an output → array. Letters: N texts, T tokens, H hidden,
V vocabulary, C a head's width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.conversion.parity_inputs import Questions
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.packing import Layout, pack, plan, token_numbers
from albertkit.engine.protocol import Engine, OutputRequest, Outputs, Spans, SpanSearch
from albertkit.spec import Weights, head
from albertkit.spec.heads import MASKED_LM, SPAN_SEARCH

Answers: TypeAlias = dict[str, FloatArray]

SEQUENCE, POOLED = "sequence", "pooled"


def answers(weights: Weights, questions: Questions, engine: Engine | None = None) -> Answers:
    """sequence [T, H]; pooled [N, H] with a pooler; of each head its logits, by its name.

    masked_lm: [T, V], at every token. span_search: [N, 3], the likeliest beginning's and its end's
    log probability, and the logit of no answer. Others: [N, C] or [T, C], as the head reads.
    engine: one that has these weights; None: numpy's.
    """
    engine = engine or NumpyEngine(weights)
    masked = MASKED_LM.name in weights.heads
    linear = [name for name in weights.heads if head(name).is_linear]
    search = SpanSearch(start_n_top=1, end_n_top=1) if SPAN_SEARCH.name in weights.heads else None
    parts: list[Answers] = []
    layouts = plan(questions.encodings.lengths)
    for layout in layouts:
        batch = pack(questions.encodings, layout)
        T = len(batch.slots)
        first = OutputRequest(
            tokens=True,
            pooled=weights.has_pooler,
            mlm_tokens=np.arange(T) if masked else None,
            head=linear[0] if linear else None,
            spans=search,
        )
        found = _named(engine.run(batch, first), first)
        for name in linear[1:]:
            found |= _named(engine.run(batch, OutputRequest(head=name)), OutputRequest(head=name))
        parts.append(found)
    return {
        name: _in_order([part[name] for part in parts], layouts, questions, _of_tokens(name))
        for name in parts[0]
    }


def _named(outputs: Outputs, wanted: OutputRequest) -> Answers:
    found = {
        SEQUENCE: outputs.tokens,
        POOLED: outputs.pooled,
        MASKED_LM.name: outputs.mlm_logits,
        SPAN_SEARCH.name: None if outputs.spans is None else _best(outputs.spans),
        str(wanted.head): outputs.head_logits,
    }
    return {name: array for name, array in found.items() if array is not None}


def _best(spans: Spans) -> FloatArray:
    """The likeliest answer of each text [N, 3]."""
    log_probs = (spans.start_log_probs[:, 0], spans.end_log_probs[:, 0, 0])
    return np.stack([*log_probs, spans.no_answer_logit], axis=1)


def _of_tokens(name: str) -> bool:
    per_text = (POOLED, SPAN_SEARCH.name)
    return name == SEQUENCE or (name not in per_text and head(name).reads == "tokens")


def _in_order(
    parts: Sequence[FloatArray], layouts: Iterable[Layout], asked: Questions, of_tokens: bool
) -> FloatArray:
    """The batches' answers in the order of the questions."""
    places = [
        token_numbers(asked.encodings, layout) if of_tokens else layout.texts for layout in layouts
    ]
    flat = np.concatenate(parts)
    ordered = np.empty_like(flat)
    ordered[np.concatenate(places)] = flat
    return ordered
