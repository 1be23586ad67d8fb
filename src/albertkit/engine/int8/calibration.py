"""The inputs of the layers' products on real texts, from which int8's ranges are computed.

Input: weights and encodings. Output: for each matrix and each of its uses, the extremes of every
channel of its input. Ranges and smoothing of any scheme follow from them, so one pass in float32 is
enough. Extremes, not percentiles: in a trial on random weights clipping lost more of the cosine
than the finer steps won.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.openvino.graphs import build_encoder_graph
from albertkit.engine.openvino_library import openvino, openvino_core
from albertkit.engine.packing import pack, plan
from albertkit.engine.process import count_usable_cores
from albertkit.errors import InputError
from albertkit.spec import Weights
from albertkit.spec.parameters import CachedArrays
from albertkit.tokenization.encodings import Encodings, select

if TYPE_CHECKING:
    from openvino import Model, Node

MIN_TEXTS = 64  # the next text exceeds the extremes of fewer
MAX_TEXTS = 256
MAX_IDS = 16_384  # of more than MIN_TEXTS texts: calibration must stay fast
ROWS_AND_SLOTS = np.array([0, 1], np.int64)  # axes
HELD_OUT = 4  # every fourth text is held out: the error is measured on it


@dataclass(frozen=True, slots=True)
class Extremes:
    """The least and the largest value of each channel [in], with 0 between them."""

    low: FloatArray
    high: FloatArray


Inputs: TypeAlias = Mapping[str, tuple[Extremes, ...]]  # a matrix's name → for each of its uses


@dataclass(frozen=True, slots=True)
class Sample:
    """The texts to calibrate on, and those to measure the error on."""

    fitted: Encodings
    held: Encodings


def check_sample_size(texts: int, where: str = "") -> None:
    """Check the number of texts.

    Args:
        texts: Number of different texts: repeated texts add nothing to the ranges.
        where: The texts' file.

    Raises:
        InputError: [calibration-missing] for fewer than MIN_TEXTS.
    """
    if texts < MIN_TEXTS:
        seen = "is one text" if texts == 1 else f"are {texts} different texts"
        raise InputError(
            "calibration-missing",
            f"there {seen} to calibrate int8 on",
            why=f"other texts exceed the ranges of fewer than {MIN_TEXTS} texts",
            fix=f"Give {MIN_TEXTS} texts like yours or more as calibration, in a file",
            where=where,
        )


def draw_sample(encodings: Encodings) -> Sample:
    """Draw different texts at even distances; raises as `check_sample_size`."""
    texts = _find_different(encodings)
    count = len(texts)
    check_sample_size(count)
    room = int(MAX_IDS / encodings.lengths[texts].mean())
    chosen = np.linspace(0, count - 1, min(count, max(MIN_TEXTS, min(MAX_TEXTS, room)))).astype(
        np.int64
    )
    numbers = texts[chosen]
    is_held = np.arange(len(numbers)) % HELD_OUT == HELD_OUT - 1
    return Sample(select(encodings, numbers[~is_held]), select(encodings, numbers[is_held]))


def _find_different(encodings: Encodings) -> Int64Array:
    """Numbers [M] of the texts without repetitions."""
    first: dict[bytes, int] = {}
    for number, text in enumerate(encodings):
        first.setdefault(text.ids.tobytes() + text.type_ids.tobytes(), number)
    return np.array(list(first.values()), np.int64)


def measure_product_inputs(weights: Weights, encodings: Encodings) -> Inputs:
    """Run texts in float32 and record the inputs of the layers' matrices.

    Args:
        weights: The model.
        encodings: The texts.

    Returns:
        A matrix's name → the extremes of its input, for each of its uses.
    """
    emit = _RecordingEmitter(weights)
    model = _build_extremes_graph(build_encoder_graph(emit), emit.inputs)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": count_usable_cores()}
    request = openvino_core().compile_model(model, "CPU", settings).create_infer_request()
    extremes: list[FloatArray] = [np.zeros((), np.float32)] * len(model.outputs)
    for layout in plan(encodings.lengths):
        batch = pack(encodings, layout)
        request.infer([batch.ids, batch.type_ids, batch.positions, batch.segment_ids])
        for number, before in enumerate(extremes):
            extreme = np.maximum if number % 2 else np.minimum
            extremes[number] = extreme(before, request.get_output_tensor(number).data)  # [in]
    pairs = iter(zip(extremes[::2], extremes[1::2], strict=True))
    return {name: tuple(Extremes(*next(pairs)) for _ in uses) for name, uses in emit.inputs.items()}


class _RecordingEmitter(OpenVinoEmitter):
    """Records the nodes that enter the layers' products."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights.config, CachedArrays(weights.arrays))
        self.inputs: dict[str, list[Node]] = {
            row.name: []
            for row in weights.table()
            if row.group is not None and len(row.shape) == 2  # matrices of the layers
        }

    def linear(self, x: Node, weight: str, bias: str) -> Node:
        if weight in self.inputs:
            self.inputs[weight].append(x)
        return super().linear(x, weight, bias)


def _build_extremes_graph(model: Model, nodes: Mapping[str, Sequence[Node]]) -> Model:
    """The same graph, whose outputs are the least and the largest values [in] of `nodes`."""
    ov = openvino()
    op = ov.opset15
    inputs = model.get_parameters()
    segment_ids = inputs[-1]  # [R, W]; the vectors of empty slots count as 0
    is_full = op.convert(op.greater_equal(segment_ids, np.int32(0)), "f32")
    is_full = op.unsqueeze(is_full, np.int64(2))  # [R, W, 1]
    outputs = []
    for x in (x for uses in nodes.values() for x in uses):
        values = op.multiply(x, is_full)  # [R, W, in]
        outputs += [kind(values, ROWS_AND_SLOTS) for kind in (op.reduce_min, op.reduce_max)]
    return ov.Model(outputs, inputs, "calibration")
