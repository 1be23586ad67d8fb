"""The parity check of a conversion: the written model computes what its source computes.

Numbers stored in 16 bits are compared with the source's numbers rounded the same way: the user
asked for that rounding, and its own effect is reported too. For a graph in int8 the directions of
the text vectors are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.conversion.differences import (
    WeightDifferences,
    compare_outputs,
    compare_weights,
)
from albertkit.conversion.model_outputs import (
    SEQUENCE,
    Float64Engine,
    OutputArrays,
    compute_outputs,
)
from albertkit.conversion.parity_inputs import ParityInputs
from albertkit.engine.protocol import Engine
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.graph.quantization_error import LEAST_COSINE, compute_cosines
from albertkit.spec import Weights
from albertkit.spec.heads import MASKED_LM

# Of an output. Two float32 programs of a random model differ by less than 2e-5.
LEAST_TOLERANCE = 1e-4
# A program's error, as a multiple of numpy's own float32 error. numpy's operations are exact to
# 1 ulp; ONNX Runtime and OpenVINO approximate tanh and exp to some 30 ulp on AVX-512, where their
# logits of an earlier small-en (largest: 24) were 2.9e-4 from float64, and numpy's 8e-6.
APPROXIMATION = 64


@dataclass(frozen=True, slots=True)
class Parity:
    """The figures of one conversion.

    Attributes:
        inputs: what the models computed, in words.
        outputs: output name → max |diff| between the written model and what it should be.
        weights: how the tensors compare.
        own: what the format does in its own way, such as rounding, in words; None: nothing.
        moved: how far that alone changes the outputs of the source.
        cosine: for int8, the lowest cosine of a text vector to the one in float32.
    """

    inputs: str
    outputs: Mapping[str, float]
    weights: WeightDifferences
    own: str | None = None
    moved: float = 0.0
    cosine: float | None = None

    @property
    def largest(self) -> float:
        """The largest difference of all outputs."""
        return max(self.outputs.values())

    def line(self) -> str:
        """`parity on 8 texts: max |diff| 3.1e-06`."""
        if self.cosine is not None:
            moved = f"int8 moved the numbers by {format_difference(self.largest)}"
            return f"parity on {self.inputs}: lowest cosine {self.cosine:.4f} ({moved})"
        line = f"parity on {self.inputs}: max |diff| {format_difference(self.largest)}"
        if self.own is None:
            return line
        return f"{line} ({self.own} moved the outputs by {format_difference(self.moved)})"


def format_difference(number: float) -> str:
    """Format a difference: 0 for none, else like 3.1e-06."""
    return "0" if number == 0 else f"{number:.1e}"


def check_tolerance(tolerance: float | None) -> None:
    """Refuse a largest difference that none can be; raises InputError [option-invalid]."""
    if tolerance is not None and not tolerance >= 0:  # NaN would let all models pass
        raise InputError(
            "option-invalid",
            f"tolerance is {tolerance!r}",
            why="it is the largest difference of an output",
            fix="Give 0 or more, such as 1e-4",
        )


def check_parity(
    before: Weights,
    after: Weights,
    inputs: ParityInputs,
    dtype: SavedDtype,
    where: str,
    *,
    engine: Engine | None = None,
    tolerance: float | None = None,
) -> Parity:
    """Compare all outputs of a written model with those of its source.

    Args:
        before: the source.
        after: the written model, as it was read again.
        inputs: what both compute.
        dtype: the type of the written weights.
        where: the written model's name in messages.
        engine: runs the written graph itself. None: the format has no graph.
        tolerance: the largest difference of an output. None: `estimate_differences`.

    Raises:
        FormatError: [parity-failed]; [quantization-error-too-large] for a graph in int8.
    """
    if engine is not None and engine.precision == "int8":
        return _check_int8(before, after, inputs, where, engine)
    expected_model, own = apply_format_changes(before, after, dtype)
    expected = compute_outputs(expected_model, inputs)
    parity = Parity(
        inputs.description,
        compare_outputs(expected, compute_outputs(after, inputs, engine)),
        compare_weights(expected_model, after),
        own,
        _measure_change(before, expected, inputs) if own else 0.0,
    )
    limit = LEAST_TOLERANCE if tolerance is None else tolerance
    limits = dict.fromkeys(parity.outputs, limit)
    if tolerance is None and engine is not None and parity.largest > limit:
        limits = estimate_differences(expected_model, expected, inputs)
    worst = max(parity.outputs, key=lambda name: parity.outputs[name] - limits[name])
    if parity.outputs[worst] > limits[worst]:
        raise FormatError(
            "parity-failed",
            f"on {inputs.description} the output {worst} differs by "
            f"{format_difference(parity.outputs[worst])}",
            why=f"a correct copy differs by less than {format_difference(limits[worst])}; "
            f"{parity.weights.line()}",
            fix="Nothing was written; report this with both formats' names, or give --tolerance "
            "(in Python: tolerance)",
            where=where,
        )
    return parity


def estimate_differences(
    weights: Weights, outputs: OutputArrays, inputs: ParityInputs
) -> dict[str, float]:
    """Return how far a correct float32 program may be from numpy's outputs.

    Args:
        weights: the model.
        outputs: what numpy computes in float32.
        inputs: the inputs of these outputs.

    Returns:
        Output name → bound: LEAST_TOLERANCE, or APPROXIMATION × the distance of numpy's float32
        outputs from the same in float64, if that is larger.
    """
    exact = compute_outputs(weights, inputs, Float64Engine(weights))
    errors = compare_outputs(outputs, exact)
    return {name: max(LEAST_TOLERANCE, APPROXIMATION * error) for name, error in errors.items()}


def _check_int8(
    before: Weights, after: Weights, inputs: ParityInputs, where: str, engine: Engine
) -> Parity:
    expected, outputs = compute_outputs(before, inputs), compute_outputs(after, inputs, engine)
    vectors = (
        np.add.reduceat(arrays[SEQUENCE], inputs.encodings.offsets[:-1], axis=0)  # [N, H]
        for arrays in (expected, outputs)
    )
    cosine = float(compute_cosines(*vectors).min())
    if not cosine >= LEAST_COSINE:
        raise FormatError(
            "quantization-error-too-large",
            f"on {inputs.description} the lowest cosine to float32 is {cosine:.4f}",
            why=f"below {LEAST_COSINE} the vectors are too different from the model's",
            fix="Nothing was written; write float32",
            where=where,
        )
    return Parity(
        inputs.description,
        compare_outputs(expected, outputs),
        compare_weights(before, after),
        cosine=cosine,
    )


def apply_format_changes(
    before: Weights, after: Weights, dtype: SavedDtype
) -> tuple[Weights, str | None]:
    """Return the source as a format represents it that rounds or has its own epsilon.

    The norm of Keras Hub's masked LM head has an epsilon of its own, whatever the model's.

    Returns:
        The weights, and what is different in words; None: nothing.
    """
    expected, own = before, []
    if dtype != "float32":
        expected = round_weights(expected, dtype)
        own.append(f"rounding to {dtype}")
    epsilon = after.config.prediction_eps
    if MASKED_LM.name in before.heads and epsilon != before.config.prediction_eps:
        config = replace(expected.config, prediction_layer_norm_eps=epsilon)
        expected = replace(expected, config=config)
        own.append(f"the format's epsilon of {epsilon} in the masked LM head")
    return expected, " and ".join(own) or None


def round_weights(weights: Weights, dtype: SavedDtype) -> Weights:
    """Return the weights as they are after being stored in `dtype`."""
    arrays = _RoundedArrays(weights.arrays, dtype)
    return Weights(weights.config, weights.heads, arrays, weights.origin)


class _RoundedArrays(Mapping[str, FloatArray]):
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


def _measure_change(before: Weights, expected: OutputArrays, inputs: ParityInputs) -> float:
    return max(compare_outputs(compute_outputs(before, inputs), expected).values())
