"""What a model answers to the questions: every output that its parts allow, in numpy.

In: Weights and Questions. Out: name of an output → array. Letters: N texts, T tokens, H hidden,
V vocabulary, C a head's width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from albertkit.conversion.questions import Questions
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.packing import Layout, pack, plan, token_numbers
from albertkit.engine.protocol import Outputs, Wanted
from albertkit.spec import FloatArray, Weights, head
from albertkit.spec.heads import MASKED_LM

Answers: TypeAlias = dict[str, FloatArray]

SEQUENCE, POOLED = "sequence", "pooled"


def answers(weights: Weights, questions: Questions) -> Answers:
    """sequence [T, H]; pooled [N, H] with a pooler; of each head its logits, by its name.

    masked_lm: [T, V], at every token. Others: [N, C] or [T, C], as the head reads.
    """
    engine = NumpyEngine(weights)
    masked = MASKED_LM.name in weights.heads
    linear = [name for name in weights.heads if name != MASKED_LM.name]
    parts: list[Answers] = []
    layouts = plan(questions.encodings.lengths)
    for layout in layouts:
        batch = pack(questions.encodings, layout)
        T = len(batch.slots)
        first = Wanted(
            tokens=True,
            pooled=weights.has_pooler,
            mlm_at=np.arange(T) if masked else None,
            head=linear[0] if linear else None,
        )
        found = _named(engine.run(batch, first), first)
        for name in linear[1:]:
            found |= _named(engine.run(batch, Wanted(head=name)), Wanted(head=name))
        parts.append(found)
    return {
        name: _in_order([part[name] for part in parts], layouts, questions, _of_tokens(name))
        for name in parts[0]
    }


def _named(outputs: Outputs, wanted: Wanted) -> Answers:
    found = {
        SEQUENCE: outputs.tokens,
        POOLED: outputs.pooled,
        MASKED_LM.name: outputs.mlm_logits,
        str(wanted.head): outputs.head_logits,
    }
    return {name: array for name, array in found.items() if array is not None}


def _of_tokens(name: str) -> bool:
    return name == SEQUENCE or (name != POOLED and head(name).reads == "tokens")


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
