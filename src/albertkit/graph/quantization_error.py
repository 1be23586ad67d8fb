"""How far rounding turns vectors from those in float32, by cosines of pairs.

Vectors of one model lie close together: other texts' are at 0.95 to one another in some models, so
a plain cosine of 0.999 may still reorder neighbours. The centred one, after the mean vector of all
texts is taken off both, shows that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from albertkit.arrays import FloatArray

LEAST_COSINE = 0.99  # below, answers are no longer the model's
LEAST_CENTRED = 0.97  # below, near texts may change places


@dataclass(frozen=True, slots=True)
class QuantizationError:
    """Cosines of texts' vectors to those in float32: of the worst text, and on average.

    centred: after the mean of the float32 vectors is taken off both.
    """

    texts: int
    least: float
    mean: float
    least_centred: float
    mean_centred: float

    @property
    def is_acceptable(self) -> bool:
        return self.least >= LEAST_COSINE  # false for NaN, too

    @property
    def keeps_order(self) -> bool:
        return self.least_centred >= LEAST_CENTRED

    def line(self) -> str:
        return (
            f"cosine to float32 at least {self.least:.4f} (mean {self.mean:.4f}), "
            f"centred {self.least_centred:.4f} (mean {self.mean_centred:.4f}), "
            f"on {self.texts} texts"
        )


def measure_quantization_error(found: FloatArray, exact: FloatArray) -> QuantizationError:
    """found, exact: [N, H], a row a text; N > 1."""
    plain = cosines(found, exact)
    centre = exact.mean(axis=0)
    centred = cosines(found - centre, exact - centre)
    return QuantizationError(
        len(exact),
        float(plain.min()),
        float(plain.mean()),
        float(centred.min()),
        float(centred.mean()),
    )


def cosines(first: FloatArray, second: FloatArray) -> FloatArray:
    """Of each pair of vectors, [N, H] → [N]."""
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    found: FloatArray = np.sum(first * second, axis=-1) / lengths
    return found
