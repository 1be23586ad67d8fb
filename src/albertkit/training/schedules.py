"""Numbers that change in the course of a run, as functions of the fraction that is done.

In a recipe such a number is a plain value, or a list of [fraction, value]:
`mlm_probability = [[0.0, 0.30], [1.0, 0.15]]` falls in a straight line, and
`batch_size = [[0.0, 16], [0.5, 64]]` jumps in the middle of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Ramp:
    """A number that moves in straight lines between points (fraction, value)."""

    points: Points

    def __call__(self, fraction: float) -> float:
        """The value when `fraction` (0 to 1) of the run is done."""
        fractions, values = zip(*self.points, strict=True)
        return float(np.interp(fraction, fractions, values))


@dataclass(frozen=True, slots=True)
class Stages:
    """A whole number that jumps at given points (fraction, value)."""

    points: Points

    def __call__(self, fraction: float) -> int:
        """The value when `fraction` (0 to 1) of the run is done."""
        return int([value for start, value in self.points if start <= fraction][-1])

    def values(self) -> tuple[int, ...]:
        """All values, in the order of time."""
        return tuple(int(value) for _, value in self.points)


def parse_points(value: object) -> Points:
    """Read a number, or a list of [fraction, number], from a recipe.

    Raises:
        ValueError: if it is neither, or the fractions do not rise from 0 to at most 1.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ((0.0, float(value)),)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError("it must be a number or a list of [fraction, number]")
    pairs = [tuple(pair) if isinstance(pair, Sequence) else () for pair in value]
    if any(len(pair) != 2 or not all(isinstance(n, int | float) for n in pair) for pair in pairs):
        raise ValueError("it must be a number or a list of [fraction, number]")
    points = tuple((float(fraction), float(number)) for fraction, number in pairs)
    fractions = [fraction for fraction, _ in points]
    if (
        fractions[0] != 0
        or not fractions[-1] <= 1
        or any(not a < b for a, b in pairwise(fractions))
    ):
        raise ValueError("its fractions must rise from 0 to at most 1")
    return points
