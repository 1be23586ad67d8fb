"""The proof at the end of a conversion: what was written answers as what was read.

In: the weights before and the place after. Out: Parity, or an error where an answer moved by more
than TOLERANCE. Numbers stored in 16 bits are compared with the same numbers rounded so: that
rounding was asked for, and its own effect stands beside the figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from albertkit.conversion.answers import Answers, answers
from albertkit.conversion.differences import (
    WeightDifferences,
    output_differences,
    weight_differences,
)
from albertkit.conversion.questions import Questions
from albertkit.errors import FormatError
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.spec import FloatArray, Weights

TOLERANCE = 1e-4  # of an output; two float32 programs of one model differ by less than 2e-5


@dataclass(frozen=True, slots=True)
class Parity:
    """Figures of one conversion.

    outputs: name → max |diff| between the place as reopened and what it should hold.
    rounding: how far the same outputs of the source are from those of its rounded numbers; None
    where nothing was rounded.
    """

    asked: str
    outputs: Mapping[str, float]
    weights: WeightDifferences
    rounding: float | None = None

    @property
    def largest(self) -> float:
        return max(self.outputs.values())

    def line(self) -> str:
        """`parity on 8 texts: max |diff| 3.1e-06`"""
        line = f"parity on {self.asked}: max |diff| {figure(self.largest)}"
        if self.rounding is None:
            return line
        return f"{line} (rounding the numbers moved them by {figure(self.rounding)})"


def figure(number: float) -> str:
    """0 where nothing differs, else like 3.1e-06."""
    return "0" if number == 0 else f"{number:.1e}"


def prove(
    before: Weights, after: Weights, questions: Questions, dtype: SavedDtype, where: str
) -> Parity:
    """Compare all outputs; raises FormatError [parity-failed] above TOLERANCE."""
    expected = before if dtype == "float32" else rounded(before, dtype)
    wanted = answers(expected, questions)
    parity = Parity(
        questions.called,
        output_differences(wanted, answers(after, questions)),
        weight_differences(expected, after),
        None if expected is before else _moved(before, wanted, questions),
    )
    if parity.largest > TOLERANCE:
        worst = max(parity.outputs, key=parity.outputs.__getitem__)
        raise FormatError(
            "parity-failed",
            f"on {questions.called} the output {worst} differs by {figure(parity.largest)}",
            why=f"a right copy differs by less than {figure(TOLERANCE)}; {parity.weights.line()}",
            fix="Nothing was kept; report this with both formats' names",
            where=where,
        )
    return parity


def rounded(weights: Weights, dtype: SavedDtype) -> Weights:
    """The weights as they are after having been stored in `dtype`."""
    return Weights(weights.config, weights.heads, _Rounded(weights.arrays, dtype), weights.origin)


class _Rounded(Mapping[str, FloatArray]):
    def __init__(self, arrays: Mapping[str, FloatArray], dtype: SavedDtype) -> None:
        self._arrays = arrays
        self._dtype = dtype

    def __getitem__(self, name: str) -> FloatArray:
        array: FloatArray = self._arrays[name].astype(np.dtype(self._dtype)).astype(np.float32)
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


def _moved(before: Weights, rounded_answers: Answers, questions: Questions) -> float:
    return max(output_differences(answers(before, questions), rounded_answers).values())
