"""The error of quantized vectors: their cosines to the float32 vectors.

The vectors of one model are often close together: in some models the vectors of different texts
have a cosine of 0.95, so a cosine of 0.999 may still change the order of neighbours. The centred
cosine, with the mean vector of all texts subtracted, shows that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors.exceptions import count_noun

LEAST_COSINE = 0.99  # below, the quantized model's results are not the model's
LEAST_CENTRED = 0.97  # below, similar texts may change their order


@dataclass(frozen=True, slots=True)
class QuantizationError:
    """Cosines of quantized vectors to float32 vectors: of the worst text, and the mean.

    The centred cosines are computed with the mean of the float32 vectors subtracted from both.
    """

    texts: int
    least: float
    mean: float
    least_centred: float
    mean_centred: float

    @property
    def is_acceptable(self) -> bool:
        """Whether the results are still the model's; False for NaN."""
        return self.least >= LEAST_COSINE

    @property
    def keeps_order(self) -> bool:
        """Whether similar texts keep their order."""
        return self.least_centred >= LEAST_CENTRED

    def line(self) -> str:
        """Describe the error in one line; equal texts have no centred cosine."""
        centred = (
            ""
            if np.isnan(self.mean_centred)
            else f"centred {self.least_centred:.4f} (mean {self.mean_centred:.4f}), "
        )
        return (
            f"cosine to float32 at least {self.least:.4f} (mean {self.mean:.4f}), "
            f"{centred}on {count_noun(self.texts, 'text')}"
        )


def measure_quantization_error(quantized: FloatArray, exact: FloatArray) -> QuantizationError:
    """Compare the vectors of the same texts.

    Args:
        quantized: [N, H], N > 0.
        exact: [N, H] in float32.

    Returns:
        The least and the mean cosines; the centred ones are NaN for equal texts.
    """
    plain = compute_cosines(quantized, exact)
    mean = exact.mean(axis=0)
    centred = compute_cosines(quantized - mean, exact - mean)
    return QuantizationError(
        len(exact),
        float(plain.min()),
        float(plain.mean()),
        float(centred.min()),
        float(centred.mean()),
    )


def compute_cosines(first: FloatArray, second: FloatArray) -> FloatArray:
    """Compute the cosine of each pair of vectors, [N, H] → [N]."""
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    result: FloatArray = np.sum(first * second, axis=-1) / lengths
    return result
