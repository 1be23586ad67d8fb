"""What no engine may be asked: ids that the model does not have, heads that are not there.

Backends answer such a question each in its own way (numpy raises, OpenVINO reads zeros), so it is
refused here, before any compute.
"""

from __future__ import annotations

import numpy as np

from albertkit.arrays import Int32Array
from albertkit.engine.protocol import OutputRequest, PackedBatch
from albertkit.errors import InputError
from albertkit.spec import Weights, head
from albertkit.spec.heads import MASKED_LM, SPAN_SEARCH


def check(weights: Weights, batch: PackedBatch, wanted: OutputRequest) -> None:
    """Raise InputError where `weights` cannot answer."""
    c = weights.config
    _check_range("id-out-of-range", "an id", batch.ids, c.vocab_size, "ids")
    _check_range("type-id-out-of-range", "a type id", batch.type_ids, c.type_vocab_size, "type ids")
    _check_range(
        "text-too-long", "a position", batch.positions, c.max_position_embeddings, "positions"
    )
    for name in _heads(wanted):
        if name not in weights.heads:
            raise InputError(
                "head-missing",
                f"{weights.origin or 'this model'} has no {name} head",
                why=f"its heads are {', '.join(weights.heads) or 'none'}",
                fix="Load a checkpoint that was saved with this head",
            )
    if _reads_pooled(wanted) and not weights.has_pooler:
        raise InputError(
            "pooler-missing",
            f"{weights.origin or 'this model'} has no pooler",
            why="checkpoints for masked words, tokens or spans are saved without one",
            fix="Use another pooling (mean, cls, max), or load a checkpoint with a pooler",
        )


def _check_range(code: str, what: str, values: Int32Array, count: int, many: str) -> None:
    if values.view(np.uint32).max() < count:  # read so, what is below 0 is above all tables
        return
    low, high = int(values.min()), int(values.max())
    seen = low if low < 0 else high
    raise InputError(
        code,
        f"{what} is {seen}, this model has {many} 0 to {count - 1}",
        why="it would be read from outside the model's tables",
        fix=FIXES[code],
    )


FIXES = {
    "id-out-of-range": "Tokenize with the tokenizer saved beside the model",
    "type-id-out-of-range": "Give type ids 0 (first text) and 1 (second text)",
    "text-too-long": "Truncate the text, or cut it into overlapping windows",
}


def _heads(wanted: OutputRequest) -> list[str]:
    asked = {
        MASKED_LM.name: wanted.mlm_at is not None,
        SPAN_SEARCH.name: wanted.spans is not None,
        str(wanted.head): wanted.head is not None,
    }
    return [name for name, is_wanted in asked.items() if is_wanted]


def _reads_pooled(wanted: OutputRequest) -> bool:
    return wanted.pooled or (wanted.head is not None and head(wanted.head).reads == "pooled")
