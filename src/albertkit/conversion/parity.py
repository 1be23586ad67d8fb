"""The proof at the end of a conversion: what was written answers as what was read.

In: the weights before and the place after. Out: Parity, or an error where an answer moved by more
than float32 explains. Numbers stored in 16 bits are compared with the same numbers rounded so: that
rounding was asked for, and its own effect stands beside the figure. A graph that rounds to int8 as
it computes is held to the direction of its vectors instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.conversion.differences import (
    WeightDifferences,
    output_differences,
    weight_differences,
)
from albertkit.conversion.model_outputs import SEQUENCE, Answers, answers
from albertkit.conversion.parity_inputs import Questions
from albertkit.engine.protocol import Engine
from albertkit.errors import FormatError
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.graph.quantization_error import LEAST_COSINE, cosines
from albertkit.spec import Weights
from albertkit.spec.heads import MASKED_LM

TOLERANCE = 1e-4  # of an output; two float32 programs of a random model differ by less than 2e-5
# Of an output's largest number, where that is more. A trained model's word logits reach 24, and
# float32 holds them no better: small-en's in torch, and in numpy, are 8e-5 from float64.
RELATIVE = 1e-5


@dataclass(frozen=True, slots=True)
class Parity:
    """Figures of one conversion.

    outputs: name → max |diff| between the place as reopened and what it should hold.
    own: what the format does in its own way (16 bits, an epsilon), in words; None: nothing.
    moved: how far that alone moves the outputs of the source.
    """

    asked: str
    outputs: Mapping[str, float]
    weights: WeightDifferences
    own: str | None = None
    moved: float = 0.0
    cosine: float | None = None  # of int8: the lowest of a text's vector to the one in float32

    @property
    def largest(self) -> float:
        return max(self.outputs.values())

    def line(self) -> str:
        """`parity on 8 texts: max |diff| 3.1e-06`"""
        if self.cosine is not None:
            moved = f"int8 moved the numbers by {figure(self.largest)}"
            return f"parity on {self.asked}: lowest cosine {self.cosine:.4f} ({moved})"
        line = f"parity on {self.asked}: max |diff| {figure(self.largest)}"
        if self.own is None:
            return line
        return f"{line} ({self.own} moved the answers by {figure(self.moved)})"


def figure(number: float) -> str:
    """0 where nothing differs, else like 3.1e-06."""
    return "0" if number == 0 else f"{number:.1e}"


def prove(
    before: Weights,
    after: Weights,
    questions: Questions,
    dtype: SavedDtype,
    where: str,
    *,
    engine: Engine | None = None,
) -> Parity:
    """Compare all outputs; raises FormatError [parity-failed] above `allowed`.

    engine: the one that runs what was written, where it computes by itself. Of int8 the vectors
    are compared; raises FormatError [quantization-error-too-large].
    """
    if engine is not None and engine.precision == "int8":
        return _prove_int8(before, after, questions, where, engine)
    expected, own = in_its_own_way(before, after, dtype)
    wanted = answers(expected, questions)
    parity = Parity(
        questions.called,
        output_differences(wanted, answers(after, questions, engine)),
        weight_differences(expected, after),
        own,
        _moved(before, wanted, questions) if own else 0.0,
    )
    limits = {name: allowed(array) for name, array in wanted.items()}
    worst = max(parity.outputs, key=lambda name: parity.outputs[name] / limits[name])
    if parity.outputs[worst] > limits[worst]:
        raise FormatError(
            "parity-failed",
            f"on {questions.called} the output {worst} differs by {figure(parity.outputs[worst])}",
            why=f"a right copy differs by less than {figure(limits[worst])}; "
            f"{parity.weights.line()}",
            fix="Nothing was kept; report this with both formats' names",
            where=where,
        )
    return parity


def allowed(output: FloatArray) -> float:
    """How far two float32 programs of one model may be apart in an output with these numbers."""
    largest = float(np.abs(output).max(initial=0.0, where=np.isfinite(output)))
    return max(TOLERANCE, RELATIVE * largest)


def _prove_int8(
    before: Weights, after: Weights, questions: Questions, where: str, engine: Engine
) -> Parity:
    wanted, found = answers(before, questions), answers(after, questions, engine)
    vectors = (
        np.add.reduceat(each[SEQUENCE], questions.encodings.offsets[:-1], axis=0)  # [N, H]
        for each in (wanted, found)
    )
    cosine = float(cosines(*vectors).min())
    if not cosine >= LEAST_COSINE:
        raise FormatError(
            "quantization-error-too-large",
            f"on {questions.called} the lowest cosine to float32 is {cosine:.4f}",
            why=f"below {LEAST_COSINE} a model no longer answers as itself",
            fix="Nothing was kept; write it in float32",
            where=where,
        )
    return Parity(
        questions.called,
        output_differences(wanted, found),
        weight_differences(before, after),
        cosine=cosine,
    )


def in_its_own_way(
    before: Weights, after: Weights, dtype: SavedDtype
) -> tuple[Weights, str | None]:
    """The source as a format holds it that rounds, or has its own epsilon; and that in words.

    Keras Hub's masked-word head has a norm with an epsilon of its own, whatever the model's.
    """
    expected, own = before, []
    if dtype != "float32":
        expected = rounded(expected, dtype)
        own.append(f"rounding to {dtype}")
    epsilon = after.config.prediction_eps
    if MASKED_LM.name in before.heads and epsilon != before.config.prediction_eps:
        config = replace(expected.config, prediction_layer_norm_eps=epsilon)
        expected = replace(expected, config=config)
        own.append(f"the format's epsilon of {epsilon} in the masked-word head")
    return expected, " and ".join(own) or None


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
