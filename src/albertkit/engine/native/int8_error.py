"""Whether a model may compute in int8: its vectors are compared with those in float32.

Each token and each output of a matrix has a scale of its own, computed when they are multiplied, so
nothing is calibrated; the error is measured on the user's first texts.
"""

from __future__ import annotations

import logging

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.engine.native.engine import NativeEngine
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.protocol import Precision
from albertkit.errors import Diagnostic, InputError
from albertkit.graph.quantization_error import (
    LEAST_CENTRED,
    LEAST_COSINE,
    QuantizationError,
    measure_quantization_error,
)
from albertkit.spec import Weights
from albertkit.spec.pooling_config import Poolings
from albertkit.tokenization.encodings import Encodings, select

LOGGER = logging.getLogger(__name__)

MEASURED_TEXTS = 64
MEASURED_IDS = 4096  # of all texts that are measured: the answer must stay fast
FEWEST_CENTRED = 16  # the mean of fewer texts says nothing about their order


def measure_int8(
    weights: Weights, encodings: Encodings, pooling: Poolings = "mean"
) -> QuantizationError:
    """Compare the native engine's int8 vectors with float32.

    Args:
        weights: The model.
        encodings: Texts like those to come, at least one.
        pooling: Of the vectors that are compared.

    Returns:
        The error. A warning is logged if similar texts may change their order.

    Raises:
        InputError: [quantization-error-too-large].
        ResourceError: [engine-unavailable] without the native engine.
    """
    sample = _draw(encodings)
    quantized = _compute(weights, "int8", sample, pooling)
    exact = _compute(weights, "float32", sample, pooling)
    with np.errstate(invalid="ignore"):  # equal texts have no centred cosine
        error = measure_quantization_error(quantized, exact)
    _check(error, weights.origin)
    return error


def _check(error: QuantizationError, origin: str) -> None:
    """Refuse vectors that are not the model's; warn of those that may change their order."""
    if not error.is_acceptable:
        raise InputError(
            "quantization-error-too-large",
            f"the int8 vectors of this model are not accurate enough: {error.line()}",
            why=f"below {LEAST_COSINE} the results are no longer the model's",
            fix='Use precision "bfloat16" or "float32"',
            where=origin,
        )
    if error.texts < FEWEST_CENTRED or error.keeps_order:
        LOGGER.info("int8: %s", error.line())
        return
    LOGGER.warning(
        Diagnostic(
            "quantization-error-notable",
            "warning",
            f"in int8 similar texts may change their order: {error.line()}",
            why=f"the order is kept from a centred cosine of {LEAST_CENTRED} on",
            fix="Evaluate it on your task, or use bfloat16 or float32",
            where=origin,
        ).line()
    )


def _draw(encodings: Encodings) -> Encodings:
    """Some texts at even distances."""
    room = max(1, int(MEASURED_IDS / encodings.lengths.mean()))
    count = min(len(encodings), MEASURED_TEXTS, room)
    return select(encodings, np.linspace(0, len(encodings) - 1, count).astype(np.int64))


def _compute(
    weights: Weights, precision: Precision, encodings: Encodings, pooling: Poolings
) -> FloatArray:
    engine = NativeEngine(weights, precision=precision)
    try:
        return compute_text_vectors(engine, encodings, pooling)
    finally:
        engine.close()
