"""Run an engine on a whole list: plan, pack, run, and restore the list's order.

Input: an Engine and Encodings of N texts, T ids in all. Output: arrays in the order of the texts.
Everywhere `slots` is the most that one call of the engine gets, and `progress` is called after each
with the number of its texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.packing import SLOTS, Layout, pack, plan, token_numbers
from albertkit.engine.pooling import pool, pooling_request
from albertkit.engine.protocol import Engine, OutputRequest, PackedBatch, require_output
from albertkit.spec.pooling_config import Pooling
from albertkit.tokenization.encodings import Encodings

Progress = Callable[[int], None]


def compute_text_vectors(
    engine: Engine,
    encodings: Encodings,
    pooling: Pooling,
    *,
    slots: int = SLOTS,
    progress: Progress | None = None,
) -> FloatArray:
    """Compute one vector a text [N, H]."""
    request = pooling_request(pooling)
    vectors = np.empty((len(encodings), engine.config.hidden_size), np.float32)
    for layout, batch in _pack_batches(encodings, slots, progress):
        outputs = engine.run(batch, request)
        vectors[layout.texts] = pool(outputs, batch.offsets, pooling)
    return vectors


def compute_token_vectors(
    engine: Engine,
    encodings: Encodings,
    *,
    slots: int = SLOTS,
    progress: Progress | None = None,
) -> FloatArray:
    """Compute one vector a token [T, H]; text n owns those from encodings.offsets[n] on."""
    vectors = np.empty((len(encodings.ids), engine.config.hidden_size), np.float32)
    for layout, batch in _pack_batches(encodings, slots, progress):
        outputs = engine.run(batch, OutputRequest(tokens=True))
        vectors[token_numbers(encodings, layout)] = require_output(outputs.tokens)
    return vectors


def compute_mlm_logits(
    engine: Engine,
    encodings: Encodings,
    tokens: Int64Array,
    *,
    slots: int = SLOTS,
    progress: Progress | None = None,
) -> FloatArray:
    """Compute the logits [P, V] of every piece for the tokens [P], ascending numbers of 0 … T-1."""
    logits = np.empty((len(tokens), engine.config.vocab_size), np.float32)
    for layout, batch in _pack_batches(encodings, slots, progress):
        numbers = token_numbers(encodings, layout)  # of this batch
        masked = np.flatnonzero(np.isin(numbers, tokens))
        if not len(masked):
            continue
        outputs = engine.run(batch, OutputRequest(mlm_tokens=masked))
        logits[np.searchsorted(tokens, numbers[masked])] = require_output(outputs.mlm_logits)
    return logits


def _pack_batches(
    encodings: Encodings, slots: int, progress: Progress | None
) -> Iterator[tuple[Layout, PackedBatch]]:
    """All texts in packed batches; progress is called when the next batch is taken."""
    for layout in plan(encodings.lengths, slots=slots):
        batch = pack(encodings, layout)
        yield layout, batch
        if progress is not None:
            progress(len(batch.offsets) - 1)
