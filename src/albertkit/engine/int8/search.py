"""Find the plainest rounding to int8 that keeps a model's vectors, on texts not fitted to.

In: weights, and texts like those to come. Out: an Int8Scheme with what it costs, or InputError.
Tried in this order, since each costs more time than the one before: every repetition rounded; the
first and the last left in float (they meet the widest ranges); inputs smoothed, which tames
channels that are many times larger than the rest; both.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from albertkit.arrays import FloatArray
from albertkit.engine.int8.calibration import Extremes, Inputs, draw_sample, measure_product_inputs
from albertkit.engine.int8.smoothing import compute_smoothing
from albertkit.engine.int8_scheme import Int8Scheme, Range, align_zero
from albertkit.engine.lists import compute_text_vectors
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.processor import detect_processor
from albertkit.errors import Diagnostic, InputError
from albertkit.graph.quantization_error import (
    LEAST_CENTRED,
    LEAST_COSINE,
    QuantizationError,
    measure_quantization_error,
)
from albertkit.spec import Weights
from albertkit.spec.pooling_config import Pooling
from albertkit.tokenization.encodings import Encodings

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RoundingPlan:
    """One way to round: what is left in float, and whether inputs are smoothed."""

    name: str
    keeps_ends: bool = False  # the first and the last repetition in float
    smooths: bool = False


PLANS = (
    RoundingPlan("every repetition in int8"),
    RoundingPlan("first and last repetition in float", keeps_ends=True),
    RoundingPlan("smoothed", smooths=True),
    RoundingPlan("smoothed, first and last repetition in float", keeps_ends=True, smooths=True),
)


@dataclass(frozen=True, slots=True)
class MeasuredScheme:
    """A scheme, the name of its plan, and how near it stays to float32."""

    scheme: Int8Scheme
    name: str
    error: QuantizationError

    def line(self) -> str:
        return f"int8 ({self.name}): {self.error.line()}"


def find_scheme(
    weights: Weights,
    encodings: Encodings,
    pooling: Pooling = "mean",
    *,
    weight_qmax: int | None = None,
) -> MeasuredScheme:
    """The first plan that keeps vectors and their order; else the best that keeps vectors, told.

    pooling: of the vectors that are compared. weight_qmax: as of Int8Scheme; None: this
    processor's.
    Raises InputError [calibration-missing], [quantization-error-too-large].
    """
    sample = draw_sample(encodings)
    levels = weight_qmax or detect_processor().weight_qmax
    inputs = measure_product_inputs(weights, sample.fitted)
    exact = _vectors(OpenVinoEngine(weights), sample.held, pooling)
    tried: list[MeasuredScheme] = []
    for each in PLANS:
        scheme = build_scheme(each, weights, inputs, levels)
        if not any(spread for uses in scheme.ranges.values() for spread in uses):
            continue  # a model of two repetitions has nothing between them
        engine = OpenVinoEngine(weights, precision="int8", scheme=scheme)
        vectors = _vectors(engine, sample.held, pooling)
        tried.append(MeasuredScheme(scheme, each.name, measure_quantization_error(vectors, exact)))
        LOGGER.info("%s", tried[-1].line())
        if tried[-1].error.is_acceptable and tried[-1].error.keeps_order:
            return tried[-1]
    best = max(tried, key=lambda one: (one.error.is_acceptable, one.error.least_centred))
    if not best.error.is_acceptable:
        raise InputError(
            "quantization-error-too-large",
            f"in int8 the vectors of this model are too far off: {best.line()}",
            why=f"below {LEAST_COSINE} a model no longer answers as itself",
            fix='Compute in "bfloat16" or "float32"',
            where=weights.origin,
        )
    LOGGER.warning(
        Diagnostic(
            "quantization-error-notable",
            "warning",
            f"in int8 texts that are near each other may change places: {best.line()}",
            why=f"they keep them from a centred cosine of {LEAST_CENTRED} on",
            fix="Try it on your task, or compute in bfloat16 or float32",
            where=weights.origin,
        ).line()
    )
    return best


def build_scheme(
    plan: RoundingPlan, weights: Weights, inputs: Inputs, weight_qmax: int
) -> Int8Scheme:
    """What a plan means for these weights and the extremes of their inputs."""
    smoothing = compute_smoothing(weights, inputs) if plan.smooths else {}
    in_float = _ends(weights) if plan.keeps_ends else set()
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


def _ends(weights: Weights) -> set[tuple[str, int]]:
    """The uses that the first and the last repetition make of their matrices."""
    config = weights.config
    groups = [config.group_of(repetition) for repetition in range(config.num_hidden_layers)]
    ends = {(groups[0], 0), (groups[-1], groups[:-1].count(groups[-1]))}
    return {(row.name, use) for row in weights.table() for group, use in ends if row.group == group}


def _range(extremes: Extremes, factors: FloatArray | None) -> Range:
    """The range of an input as it enters its product."""
    low, high = extremes.low, extremes.high  # [in]
    if factors is not None:
        low, high = low / factors, high / factors
    return align_zero(float(low.min()), float(high.max()))


def _vectors(engine: OpenVinoEngine, encodings: Encodings, pooling: Pooling) -> FloatArray:
    """[N, H]; closes the engine."""
    try:
        return compute_text_vectors(engine, encodings, pooling)
    finally:
        engine.close()
