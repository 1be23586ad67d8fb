"""Ask an engine about a whole list: plan, pack, run, and bring the list's own order back.

In: an Engine and Encodings of N texts, T ids in all. Out: arrays in the order of the encodings.
slots: of one call of the engine, at most. progress: hears after each call how many texts it took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.packing import SLOTS, Layout, pack, plan, token_numbers
from albertkit.engine.pooling import pool, pooling_request
from albertkit.engine.protocol import Engine, OutputRequest, PackedBatch, given
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
    """One vector a text [N, H]."""
    request = pooling_request(pooling)
    vectors = np.empty((len(encodings), engine.config.hidden_size), np.float32)
    for layout, batch in _batches(encodings, slots, progress):
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
    """One vector a token [T, H]; text n owns those from encodings.offsets[n]."""
    vectors = np.empty((len(encodings.ids), engine.config.hidden_size), np.float32)
    for layout, batch in _batches(encodings, slots, progress):
        outputs = engine.run(batch, OutputRequest(tokens=True))
        vectors[token_numbers(encodings, layout)] = given(outputs.tokens)
    return vectors


def compute_mlm_logits(
    engine: Engine,
    encodings: Encodings,
    at: Int64Array,
    *,
    slots: int = SLOTS,
    progress: Progress | None = None,
) -> FloatArray:
    """Logits [P, V] of every piece at the tokens numbered `at`.

    at: [P] of 0 … T-1, ascending, none twice.
    """
    logits = np.empty((len(at), engine.config.vocab_size), np.float32)
    for layout, batch in _batches(encodings, slots, progress):
        numbers = token_numbers(encodings, layout)  # of this batch
        asked = np.flatnonzero(np.isin(numbers, at))
        if not len(asked):
            continue
        outputs = engine.run(batch, OutputRequest(mlm_tokens=asked))
        logits[np.searchsorted(at, numbers[asked])] = given(outputs.mlm_logits)
    return logits


def _batches(
    encodings: Encodings, slots: int, progress: Progress | None
) -> Iterator[tuple[Layout, PackedBatch]]:
    """All texts in packed batches; each is reported when the next one is asked for."""
    for layout in plan(encodings.lengths, slots=slots):
        batch = pack(encodings, layout)
        yield layout, batch
        if progress is not None:
            progress(len(batch.offsets) - 1)
