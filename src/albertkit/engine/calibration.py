"""What the products of the layers meet on real texts: what int8's ranges are made of.

In: weights and encodings. Out: for each matrix and each of its uses, the extremes of every channel
of its input; ranges and smoothing of any scheme follow from them, so one pass in float32 is enough.
Extremes, not percentiles: clipping the outermost 0.1 % cost 0.003 of the cosine where the finer
steps of what is left won nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from albertkit.engine.numpy_engine import own_text
from albertkit.engine.packing import pack, plan
from albertkit.engine.protocol import Int64Array
from albertkit.errors import InputError
from albertkit.graph.encoder import encoder
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import FloatArray, Weights
from albertkit.text.encoding import Encodings

FEWEST = 64  # texts; extremes of fewer are exceeded by the next text
MOST = 256
MOST_IDS = 16_384  # of more than FEWEST texts: calibrating must stay little beside the work
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


def check_enough(texts: int) -> None:
    """Raise InputError [calibration-missing] where there are too few."""
    if texts < FEWEST:
        raise InputError(
            "calibration-missing",
            f'precision is "int8" and there are {texts} texts to fit it to',
            why=f"the ranges of fewer than {FEWEST} texts do not hold for the next one",
            fix="Give calibration= a file, or a list, of texts like yours",
        )


def sample_of(encodings: Encodings) -> Sample:
    """Some of the texts, evenly from the first to the last; raises as `check_enough`."""
    count = len(encodings)
    check_enough(count)
    room = int(MOST_IDS / encodings.lengths.mean())
    numbers = np.linspace(0, count - 1, min(count, max(FEWEST, min(MOST, room)))).astype(np.int64)
    is_held = np.arange(len(numbers)) % HELD_OUT == HELD_OUT - 1
    return Sample(_chosen(encodings, numbers[~is_held]), _chosen(encodings, numbers[is_held]))


def inputs_of_products(weights: Weights, encodings: Encodings) -> Inputs:
    """Run the texts in float32 and look at what each matrix of the layers is multiplied with."""
    watching = _Watching(weights)
    for layout in plan(encodings.lengths):
        batch = pack(encodings, layout)
        watching.begin(batch.slots)
        encoder(
            watching,
            weights.config,
            ids=batch.ids,
            type_ids=batch.type_ids,
            positions=batch.positions,
            mask=own_text(batch.owners),
        )
    return {name: tuple(uses) for name, uses in watching.seen.items()}


class _Watching(NumpyEmitter):
    """Computes as its base does, and notes what enters the products of the layers."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights.config, weights.arrays)
        self.seen: dict[str, list[Extremes]] = {
            row.name: []
            for row in weights.table()
            if row.group is not None and len(row.shape) == 2  # matrices of the layers
        }

    def begin(self, slots: Int64Array) -> None:
        """A batch follows, with texts in these of its slots [T]."""
        self._slots = slots
        self._uses = dict.fromkeys(self.seen, 0)

    def linear(self, x: FloatArray, weight: str, bias: str) -> FloatArray:
        if weight in self.seen:
            values = x.reshape(-1, x.shape[-1])[self._slots]  # [T, in]
            self._note(weight, np.minimum(values.min(0), 0), np.maximum(values.max(0), 0))
        return super().linear(x, weight, bias)

    def _note(self, weight: str, low: FloatArray, high: FloatArray) -> None:
        uses, use = self.seen[weight], self._uses[weight]
        self._uses[weight] += 1
        if use == len(uses):
            uses.append(Extremes(low, high))
        else:
            before = uses[use]
            uses[use] = Extremes(np.minimum(before.low, low), np.maximum(before.high, high))


def _chosen(encodings: Encodings, numbers: Int64Array) -> Encodings:
    """The texts with these numbers."""
    each = [encodings[number] for number in numbers.tolist()]
    return Encodings(
        np.concatenate([text.ids for text in each]),
        np.concatenate([text.type_ids for text in each]),
        np.cumsum([0, *map(len, each)], dtype=np.int64),
        encodings.dropped[numbers],
    )
