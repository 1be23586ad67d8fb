"""A head's logits, by the path on which conversions ask for them."""

from __future__ import annotations

from albertkit.arrays import FloatArray
from albertkit.conversion.model_outputs import compute_outputs
from albertkit.conversion.parity_inputs import ParityInputs
from albertkit.spec import Weights
from albertkit.tokenization.encodings import Encodings


def head_logits(weights: Weights, asked: Encodings, head: str) -> FloatArray:
    """numpy's logits of a linear head: [N, C] where it reads pooled vectors, [T, C] tokens'."""
    return compute_outputs(weights, ParityInputs(asked, "the test's"))[head]
