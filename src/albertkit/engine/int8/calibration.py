"""What the products of the layers meet on real texts: what int8's ranges are made of.

In: weights and encodings. Out: for each matrix and each of its uses, the extremes of every channel
of its input; ranges and smoothing of any scheme follow from them, so one pass in float32 is enough.
Extremes, not percentiles: in a trial on random weights clipping lost more of the cosine than the
finer steps of what is left won.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.cached_arrays import CachedArrays
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.openvino.engine import count_usable_cores
from albertkit.engine.openvino.graphs import encoder_graph
from albertkit.engine.openvino_library import openvino
from albertkit.engine.packing import pack, plan
from albertkit.errors import InputError
from albertkit.spec import Weights
from albertkit.tokenization.encodings import Encodings, select

if TYPE_CHECKING:
    from openvino import Model, Node

FEWEST = 64  # texts; extremes of fewer are exceeded by the next text
MOST = 256
MOST_IDS = 16_384  # of more than FEWEST texts: calibrating must stay little beside the work
ROWS_AND_SLOTS = np.array([0, 1], np.int64)  # axes
HELD_OUT = 4  # every fourth text is not fitted to, but measured on


@dataclass(frozen=True, slots=True)
class Extremes:
    """The least and the largest value of each channel [in]; 0 lies between them."""

    low: FloatArray
    high: FloatArray


Inputs: TypeAlias = Mapping[str, tuple[Extremes, ...]]  # a matrix's name → for each of its uses


@dataclass(frozen=True, slots=True)
class Sample:
    """The texts to fit to, and those to measure on."""

    fitted: Encodings
    held: Encodings


def check_sample_size(texts: int, where: str = "") -> None:
    """Raise InputError [calibration-missing] where there are too few; where: their file.

    texts: how many that differ. Vectors of one text said again have no spread to be held against.
    """
    if texts < FEWEST:
        seen = "is one text" if texts == 1 else f"are {texts} different texts"
        raise InputError(
            "calibration-missing",
            f"there {seen} to fit int8 to",
            why=f"the ranges of fewer than {FEWEST} texts do not hold for the next one",
            fix=f"Give {FEWEST} texts like yours or more as calibration, in a file",
            where=where,
        )


def draw_sample(encodings: Encodings) -> Sample:
    """Some of the texts that differ, evenly from the first on; raises as `check_sample_size`."""
    texts = _different(encodings)
    count = len(texts)
    check_sample_size(count)
    room = int(MOST_IDS / encodings.lengths[texts].mean())
    places = np.linspace(0, count - 1, min(count, max(FEWEST, min(MOST, room)))).astype(np.int64)
    numbers = texts[places]
    is_held = np.arange(len(numbers)) % HELD_OUT == HELD_OUT - 1
    return Sample(select(encodings, numbers[~is_held]), select(encodings, numbers[is_held]))


def _different(encodings: Encodings) -> Int64Array:
    """[M] numbers of the texts, each said once."""
    first: dict[bytes, int] = {}
    for number, text in enumerate(encodings):
        first.setdefault(text.ids.tobytes() + text.type_ids.tobytes(), number)
    return np.array(list(first.values()), np.int64)


def measure_product_inputs(weights: Weights, encodings: Encodings) -> Inputs:
    """Run the texts in float32 and look at what each matrix of the layers is multiplied with."""
    emit = _Watching(weights)
    model = _probed(encoder_graph(emit), emit.seen)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": count_usable_cores()}
    request = openvino().Core().compile_model(model, "CPU", settings).create_infer_request()
    found: list[FloatArray] = [np.zeros((), np.float32)] * len(model.outputs)
    for layout in plan(encodings.lengths):
        batch = pack(encodings, layout)
        request.infer([batch.ids, batch.type_ids, batch.positions, batch.segment_ids])
        for number, before in enumerate(found):
            outermost = np.maximum if number % 2 else np.minimum
            found[number] = outermost(before, request.get_output_tensor(number).data)  # [in]
    pairs = iter(zip(found[::2], found[1::2], strict=True))
    return {name: tuple(Extremes(*next(pairs)) for _ in uses) for name, uses in emit.seen.items()}


class _Watching(OpenVinoEmitter):
    """Keeps the nodes that enter the products of the layers."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights.config, CachedArrays(weights.arrays))
        self.seen: dict[str, list[Node]] = {
            row.name: []
            for row in weights.table()
            if row.group is not None and len(row.shape) == 2  # matrices of the layers
        }

    def linear(self, x: Node, weight: str, bias: str) -> Node:
        if weight in self.seen:
            self.seen[weight].append(x)
        return super().linear(x, weight, bias)


def _probed(model: Model, seen: Mapping[str, Sequence[Node]]) -> Model:
    """The same graph; its outputs are the least and the largest values [in] of what was seen."""
    ov = openvino()
    op = ov.opset15
    inputs = model.get_parameters()
    segment_ids = inputs[-1]  # [R, W]; an empty slot's vector counts as 0, which every range holds
    is_full = op.convert(op.greater_equal(segment_ids, np.int32(0)), "f32")
    is_full = op.unsqueeze(is_full, np.int64(2))  # [R, W, 1]
    outputs = []
    for x in (x for uses in seen.values() for x in uses):
        values = op.multiply(x, is_full)  # [R, W, in]
        outputs += [kind(values, ROWS_AND_SLOTS) for kind in (op.reduce_min, op.reduce_max)]
    return ov.Model(outputs, inputs, "calibration")
