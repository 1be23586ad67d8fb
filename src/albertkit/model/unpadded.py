"""Padded inputs without their padding, as engines take them, and answers padded again.

A row's real tokens are a text, wherever its mask lets them stand: left-padded rows too, and rows
with holes. Letters: B rows, S length, N = B texts, T real tokens of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.packing import Layout, pack, plan, token_numbers
from albertkit.engine.protocol import PackedBatch
from albertkit.model.inputs import ModelInputs
from albertkit.tokenization.encodings import Encodings


@dataclass(frozen=True, slots=True)
class UnpaddedBatch:
    """The texts of B rows.

    positions: [T], which need not count from 0. own: [B, S], True at real tokens.
    """

    encodings: Encodings
    positions: Int64Array
    own: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, inputs: ModelInputs) -> UnpaddedBatch:
        """inputs: of ids, not of embedded words."""
        own = np.ones(inputs.words.shape, np.bool_)
        if inputs.mask is not None:
            own = inputs.mask[:, 0, 0].numpy()
        encodings = Encodings(
            ids=inputs.words.numpy()[own].astype(np.int32),
            type_ids=inputs.type_ids.numpy()[own].astype(np.int32),
            offsets=np.concatenate(([0], np.cumsum(own.sum(1)))),
            dropped=np.zeros(len(own), np.int64),
        )
        return cls(encodings, inputs.position_ids.numpy()[own], own)

    def batches(self) -> Iterator[tuple[Layout, Int64Array, PackedBatch]]:
        """Calls of an engine that hold each text once, with the numbers of each call's tokens."""
        for layout in plan(self.encodings.lengths):
            numbers = token_numbers(self.encodings, layout)
            batch = pack(self.encodings, layout)
            positions = np.zeros_like(batch.positions)
            positions.reshape(-1)[batch.slots] = self.positions[numbers]
            yield layout, numbers, replace(batch, positions=positions)

    def padded(self, values: FloatArray) -> Tensor:
        """[T, …] → [B, S, …], zeros at padding; the same memory where there is none."""
        if self.own.all():
            return torch.from_numpy(values.reshape(*self.own.shape, *values.shape[1:]))
        rows = np.zeros((*self.own.shape, *values.shape[1:]), values.dtype)
        rows[self.own] = values
        return torch.from_numpy(rows)

    def numbers_at(self, slots: Int64Array) -> Int64Array:
        """Slots [B, P] of each row → the numbers of their tokens, -1 for padding."""
        numbers = np.where(self.own, np.cumsum(self.own).reshape(self.own.shape) - 1, -1)  # [B, S]
        return np.take_along_axis(numbers, slots, axis=1)

    def slots_of(self, places: Int64Array) -> Int64Array:
        """Places counted in each text [B, …] → their slots; 0 for a place that is none (-1)."""
        real_first = np.argsort(~self.own, axis=1, kind="stable")  # [B, S]
        flat = places.reshape(len(places), -1)
        slots = np.take_along_axis(real_first, np.maximum(flat, 0), axis=1)
        return np.where(flat < 0, 0, slots).reshape(places.shape)
