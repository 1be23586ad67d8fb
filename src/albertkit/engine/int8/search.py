"""Find the simplest int8 rounding that keeps a model's vectors, measured on held-out texts.

Input: weights, and texts like those to come. Output: an Int8Scheme with its error, or InputError.
Plans are tried in this order, since each is slower than the one before: all layers in int8; the
first and the last in float (they have the widest ranges); smoothed inputs, for channels that are
many times larger than the rest; both.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from albertkit.arrays import FloatArray
from albertkit.engine.int8.calibration import Extremes, Inputs, draw_sample, measure_product_inputs
from albertkit.engine.int8.gate import check_quantization_error
from albertkit.engine.int8.smoothing import compute_smoothing
from albertkit.engine.int8_scheme import Int8Scheme, Range, align_zero
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import compute_text_vectors
from albertkit.engine.processor import detect_processor
from albertkit.graph.quantization_error import (
    QuantizationError,
    measure_quantization_error,
)
from albertkit.spec import Weights
from albertkit.spec.pooling_config import Poolings
from albertkit.tokenization.encodings import Encodings

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RoundingPlan:
    """One way to quantize: which layers stay in float, and whether inputs are smoothed."""

    name: str
    keeps_ends: bool = False  # the first and the last layer stay in float
    smooths: bool = False


PLANS = (
    RoundingPlan("every repetition in int8"),
    RoundingPlan("first and last repetition in float", keeps_ends=True),
    RoundingPlan("smoothed", smooths=True),
    RoundingPlan("smoothed, first and last repetition in float", keeps_ends=True, smooths=True),
)


@dataclass(frozen=True, slots=True)
class MeasuredScheme:
    """A scheme, the name of its plan, and its error."""

    scheme: Int8Scheme
    name: str
    error: QuantizationError

    def line(self) -> str:
        """Describe the scheme in one line."""
        return f"int8 ({self.name}): {self.error.line()}"


def find_scheme(
    weights: Weights,
    encodings: Encodings,
    pooling: Poolings = "mean",
    *,
    weight_qmax: int | None = None,
) -> MeasuredScheme:
    """Find the first plan that keeps vectors and their order.

    If there is none, take the best one that keeps vectors, and log a warning.

    Args:
        weights: The model.
        encodings: Texts to calibrate on.
        pooling: Of the vectors that are compared.
        weight_qmax: As of Int8Scheme; None for this processor's.

    Returns:
        The scheme and its error.

    Raises:
        InputError: [calibration-missing], [quantization-error-too-large].
    """
    sample = draw_sample(encodings)
    qmax = weight_qmax or detect_processor().weight_qmax
    inputs = measure_product_inputs(weights, sample.fitted)
    exact = _vectors(OpenVinoEngine(weights), sample.held, pooling)
    tried: list[MeasuredScheme] = []
    for plan in PLANS:
        scheme = build_scheme(plan, weights, inputs, qmax)
        if not any(value_range for uses in scheme.ranges.values() for value_range in uses):
            continue  # a model of two layers has none between them
        engine = OpenVinoEngine(weights, precision="int8", scheme=scheme)
        vectors = _vectors(engine, sample.held, pooling)
        tried.append(MeasuredScheme(scheme, plan.name, measure_quantization_error(vectors, exact)))
        LOGGER.info("%s", tried[-1].line())
        if tried[-1].error.is_acceptable and tried[-1].error.keeps_order:
            return tried[-1]
    best = max(tried, key=lambda scheme: (scheme.error.is_acceptable, scheme.error.least_centred))
    check_quantization_error(best.error, best.line(), weights.origin)
    return best


def build_scheme(
    plan: RoundingPlan, weights: Weights, inputs: Inputs, weight_qmax: int
) -> Int8Scheme:
    """Apply a plan to weights and the extremes of their inputs."""
    smoothing = compute_smoothing(weights, inputs) if plan.smooths else {}
    in_float = _find_ends(weights) if plan.keeps_ends else set()
    return Int8Scheme(
        {
            name: tuple(
                None if (name, use) in in_float else _range(extremes, smoothing.get(name))
                for use, extremes in enumerate(uses)
            )
            for name, uses in inputs.items()
        },
        smoothing,
        weight_qmax,
    )


def _find_ends(weights: Weights) -> set[tuple[str, int]]:
    """The uses of matrices by the first and the last layer."""
    config = weights.config
    groups = [config.group_of(layer) for layer in range(config.num_hidden_layers)]
    ends = {(groups[0], 0), (groups[-1], groups[:-1].count(groups[-1]))}
    return {(row.name, use) for row in weights.table() for group, use in ends if row.group == group}


def _range(extremes: Extremes, factors: FloatArray | None) -> Range:
    """The range of an input, divided by the smoothing factors."""
    low, high = extremes.low, extremes.high  # [in]
    if factors is not None:
        low, high = low / factors, high / factors
    return align_zero(float(low.min()), float(high.max()))


def _vectors(engine: OpenVinoEngine, encodings: Encodings, pooling: Poolings) -> FloatArray:
    """[N, H]; closes the engine."""
    try:
        return compute_text_vectors(engine, encodings, pooling)
    finally:
        engine.close()
