"""Numbers with as few digits as tell them apart from others of their type: 0.1, not 0.10000000149.

In few steps over whole arrays: by numpy's own way, float32 to text and back one by one, writing a
vector took longer than a small model takes to compute it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[Any]

DIGITS = {np.dtype(np.float16): range(3, 6), np.dtype(np.float32): range(6, 10)}
# Powers of ten up to the 22nd are whole in float64, so that to divide by them rounds but once.
SMALLEST = 1e-13


@np.errstate(invalid="ignore")  # NaN stays NaN
def shortest(numbers: Numbers) -> Numbers:
    """The numbers as float64, of which Python prints the fewest digits.

    numbers: of any shape; what is not float16 or float32 is given back as it is.
    """
    if numbers.dtype not in DIGITS:
        return numbers
    exact = numbers.astype(np.float64)
    size = np.abs(exact)
    smallest = max(SMALLEST, np.finfo(numbers.dtype).tiny)
    usual = (size >= smallest) & (size < 10.0 ** DIGITS[numbers.dtype].start)
    # the numbers before and behind a power of two are not as far, so the nearest may not be it
    usual &= np.frexp(size)[0] != 0.5
    exponents = np.floor(np.log10(np.where(usual, size, 1))).astype(np.int64)
    found = exact.copy()
    left = usual.copy()
    for digits in DIGITS[numbers.dtype]:
        powers = 10.0 ** (digits - 1 - exponents)
        rounded = np.round(exact * powers) / powers
        fits = left & (rounded.astype(numbers.dtype) == numbers)
        found[fits] = rounded[fits]
        left &= ~fits
    unusual = left | (~usual & (size != 0) & np.isfinite(size))
    found[unusual] = [float(str(number)) for number in numbers[unusual]]
    return found
