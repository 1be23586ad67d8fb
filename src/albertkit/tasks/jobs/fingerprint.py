"""What a model would answer, in one word: the same for the same weights, steps and tokenizer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.runtime import LoadedModel
from albertkit.spec.pooling_config import Dense


def fingerprint(loaded: LoadedModel) -> str:
    """Sixteen hexadecimal digits; reads all weights once."""
    steps = loaded.vectors.steps if loaded.vectors else ()
    told = [
        loaded.config,
        loaded.tokenizer.fingerprint,
        loaded.tokenizer.policy,
        [(type(step).__name__, getattr(step, "activation", None)) for step in steps],
        loaded.vectors.lower_case if loaded.vectors else False,
    ]
    digest = hashlib.sha256(repr(told).encode())
    for name, array in _arrays(loaded):
        digest.update(f"{name} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _arrays(loaded: LoadedModel) -> Iterator[tuple[str, FloatArray]]:
    yield from sorted(loaded.weights.arrays.items())
    for step in loaded.vectors.steps if loaded.vectors else ():
        if isinstance(step, Dense):
            yield "weight", step.weight
            if step.bias is not None:
                yield "bias", step.bias
