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
from albertkit.engine.int8.calibration import Extremes, Inputs, inputs_of_products, sample_of
from albertkit.engine.int8.smoothing import smoothing_of
from albertkit.engine.int8_scheme import Int8Scheme, Range, with_exact_zero
from albertkit.engine.lists import vectors_of_texts
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.processor import this_processor
from albertkit.errors import Diagnostic, InputError
from albertkit.graph.quantization_error import LEAST_CENTRED, LEAST_COSINE, Fidelity, fidelity
from albertkit.spec import Weights
from albertkit.spec.pooling_config import Pooling
from albertkit.tokenization.encodings import Encodings

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to round: what is left in float, and whether inputs are smoothed."""

    name: str
    keeps_ends: bool = False  # the first and the last repetition in float
    smooths: bool = False


PLANS = (
    Plan("every repetition in int8"),
    Plan("first and last repetition in float", keeps_ends=True),
    Plan("smoothed", smooths=True),
    Plan("smoothed, first and last repetition in float", keeps_ends=True, smooths=True),
)


@dataclass(frozen=True, slots=True)
class FoundScheme:
    """A scheme, the name of its plan, and how near it stays to float32."""

    scheme: Int8Scheme
    name: str
    fidelity: Fidelity

    def line(self) -> str:
        return f"int8 ({self.name}): {self.fidelity.line()}"


def find_scheme(
    weights: Weights,
    encodings: Encodings,
    pooling: Pooling = "mean",
    *,
    weight_levels: int | None = None,
) -> FoundScheme:
    """The first plan that keeps vectors and their order; else the best that keeps vectors, told.

    pooling: of the vectors that are compared. weight_levels: as of Int8Scheme; None: this
    processor's.
    Raises InputError [calibration-missing], [quantization-error-too-large].
    """
    sample = sample_of(encodings)
    levels = weight_levels or this_processor().weight_levels
    inputs = inputs_of_products(weights, sample.fitted)
    exact = _vectors(OpenVinoEngine(weights), sample.held, pooling)
    tried: list[FoundScheme] = []
    for each in PLANS:
        scheme = scheme_of(each, weights, inputs, levels)
        if not any(spread for uses in scheme.ranges.values() for spread in uses):
            continue  # a model of two repetitions has nothing between them
        engine = OpenVinoEngine(weights, precision="int8", scheme=scheme)
        vectors = _vectors(engine, sample.held, pooling)
        tried.append(FoundScheme(scheme, each.name, fidelity(vectors, exact)))
        LOGGER.info("%s", tried[-1].line())
        if tried[-1].fidelity.is_enough and tried[-1].fidelity.keeps_order:
            return tried[-1]
    best = max(tried, key=lambda one: (one.fidelity.is_enough, one.fidelity.least_centred))
    if not best.fidelity.is_enough:
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


def scheme_of(plan: Plan, weights: Weights, inputs: Inputs, weight_levels: int) -> Int8Scheme:
    """What a plan means for these weights and the extremes of their inputs."""
    smoothing = smoothing_of(weights, inputs) if plan.smooths else {}
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
        weight_levels,
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
    return with_exact_zero(float(low.min()), float(high.max()))


def _vectors(engine: OpenVinoEngine, encodings: Encodings, pooling: Pooling) -> FloatArray:
    """[N, H]; closes the engine."""
    try:
        return vectors_of_texts(engine, encodings, pooling)
    finally:
        engine.close()
