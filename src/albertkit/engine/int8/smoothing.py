"""Smoothing: move large channels from the inputs of products into their matrices.

x · Wᵀ = (x / f) · (W · f)ᵀ for any factors f [in]. A range has one step for all channels of x, so
a few large ones leave few steps to the others; a matrix has a scale for each output and can
represent more. Source: SmoothQuant (arXiv 2211.10438), equation 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.engine.int8.calibration import Extremes, Inputs
from albertkit.spec import Weights

# From 0 (no smoothing) to 1 (all channels of the input become equal). On a model with six large
# channels 0.4 gave a least cosine of 0.991, 0.5 gave 0.966 and 0.65 gave 0.952.
STRENGTH = 0.4
SMALLEST = 1e-5  # of a channel or a column, so that neither is divided by zero
SAME_INPUT = ("query", "key", "value")


def compute_smoothing(weights: Weights, inputs: Inputs) -> Mapping[str, FloatArray]:
    """Compute the smoothing factors of all matrices.

    Args:
        weights: The model.
        inputs: As `measure_product_inputs` returns them.

    Returns:
        A matrix's name → factors [in] for all its uses, with a geometric mean of 1.
    """
    smoothing: dict[str, FloatArray] = {}
    for name, uses in inputs.items():
        if uses and name not in smoothing:
            readers = [name.replace(SAME_INPUT[0], other) for other in SAME_INPUT]
            readers = readers if f".{SAME_INPUT[0]}." in name else [name]
            columns = [np.abs(weights.arrays[reader]).max(0) for reader in readers]  # of [in]
            factors = _compute_factors(
                reduce(np.maximum, map(_largest_values, uses)), reduce(np.maximum, columns)
            )
            smoothing |= dict.fromkeys(readers, factors)
    return smoothing


def _largest_values(extremes: Extremes) -> FloatArray:
    return np.maximum(-extremes.low, extremes.high)


def _compute_factors(inputs: FloatArray, columns: FloatArray) -> FloatArray:
    """From the largest value of each channel, and of each column of the matrices: [in]."""
    factors = np.maximum(inputs, SMALLEST) ** STRENGTH
    factors /= np.maximum(columns, SMALLEST) ** (1 - STRENGTH)
    factors /= np.exp(np.log(factors).mean())
    return factors.astype(np.float32)
