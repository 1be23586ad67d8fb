"""How the layers' products are quantized to int8: plain data, which `int8/search.py` chooses.

A matrix is quantized once, with a scale for each output. Its input is quantized to 256 levels of a
fixed range, which differs from use to use: each repetition of a shared layer has other values.
Ranges computed at each call, OpenVINO's dynamic quantization, were hardly faster than bfloat16 in
a trial on a processor with both; fixed ranges were much faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from albertkit.arrays import FloatArray

LEVELS = 256  # of an activation: one byte
Range: TypeAlias = tuple[float, float]  # the least and the largest value, with 0 between them


@dataclass(frozen=True, slots=True)
class Int8Scheme:
    """What is quantized, and how.

    Matrices that read the same input (query, key and value) have the same ranges and smoothing.

    Attributes:
        ranges: A matrix's name → for each of its uses, in the order of the layers, the range of its
            input; None: this use stays in float. Matrices that are not here stay in float.
        smoothing: A matrix's name → factors [in] that divide its input and multiply its rows.
        weight_qmax: The largest quantized weight.
    """

    ranges: Mapping[str, tuple[Range | None, ...]]
    smoothing: Mapping[str, FloatArray]
    weight_qmax: int


def align_zero(low: float, high: float) -> Range:
    """Move a range by less than a step, so that 0 is exactly one of the levels.

    Half of a gelu's outputs are next to 0, and stay next to it.

    Args:
        low: The least value, at most 0.
        high: The largest value, at least 0.

    Returns:
        The moved range.
    """
    step = (high - low) / (LEVELS - 1) or 1.0
    zero_point = round(-low / step)
    return -zero_point * step, (LEVELS - 1 - zero_point) * step
