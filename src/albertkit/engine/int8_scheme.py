"""How the products of the layers are rounded to eight bits: plain data, found by `int8_search`.

A matrix is rounded once, each output with a scale of its own. What it is multiplied with is rounded
to 256 steps of a range that stands fixed, and differs from use to use: each repetition of a shared
layer sees other values. Ranges found anew at each call, OpenVINO's dynamic quantisation, won little
over bfloat16 in a trial on a processor with both, where fixed ones won much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from albertkit.arrays import FloatArray

STEPS = 256  # of an activation: one byte
Range: TypeAlias = tuple[float, float]  # the least and the largest value, 0 between them


@dataclass(frozen=True, slots=True)
class Int8Scheme:
    """What is rounded, and how.

    ranges: a matrix's name → for each of its uses, in the order of the repetitions, the range of
    what it is multiplied with; None: this use stays in float. Matrices without a row all do.
    smoothing: a matrix's name → [in], by which its input is divided and its rows are multiplied.
    weight_qmax: a matrix's whole steps go from −weight_qmax to weight_qmax.
    Matrices that read the same input (query, key and value) have the same ranges and smoothing.
    """

    ranges: Mapping[str, tuple[Range | None, ...]]
    smoothing: Mapping[str, FloatArray]
    weight_qmax: int


def align_zero(low: float, high: float) -> Range:
    """The range moved by less than a step, so that 0 is a whole number of steps from its end.

    Half of what comes out of a gelu is next to 0, and stays there. low ≤ 0 ≤ high.
    """
    step = (high - low) / (STEPS - 1) or 1.0
    zero = round(-low / step)
    return -zero * step, (STEPS - 1 - zero) * step
