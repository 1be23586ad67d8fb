"""Run an engine on padded inputs without their padding, and pad the results again.

A row's real tokens are a text, wherever its mask has them: left-padded rows and rows with holes
too. Letters: B rows, S length, N = B texts, T real tokens of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from albertkit.arrays import BoolArray, FloatArray, Int64Array
from albertkit.engine.packing import Layout, number_tokens, pack, plan
from albertkit.engine.protocol import Engine, OutputRequest, Outputs, PackedBatch, Spans
from albertkit.model.inputs import ModelInputs
from albertkit.spec import head
from albertkit.tokenization.encodings import Encodings


@dataclass(frozen=True, slots=True)
class UnpaddedBatch:
    """The texts of B rows."""

    encodings: Encodings
    positions: Int64Array  # [T], which need not count from 0
    is_real: BoolArray  # [B, S], True at real tokens

    @classmethod
    def of(cls, inputs: ModelInputs) -> UnpaddedBatch:
        """Remove the padding of inputs with ids (not word vectors)."""
        is_real = np.ones(inputs.words.shape, np.bool_)
        if inputs.mask is not None:
            is_real = inputs.mask[:, 0, 0].numpy()
        encodings = Encodings(
            ids=inputs.words.numpy()[is_real].astype(np.int32),
            type_ids=inputs.type_ids.numpy()[is_real].astype(np.int32),
            offsets=np.concatenate(([0], np.cumsum(is_real.sum(1)))),
            dropped=np.zeros(len(is_real), np.int64),
        )
        return cls(encodings, inputs.position_ids.numpy()[is_real], is_real)

    def pack(self) -> Iterator[tuple[Layout, Int64Array, PackedBatch]]:
        """Yield the calls of an engine that hold each text once.

        Yields:
            The layout, the numbers of the call's tokens in 0 … T - 1, and the packed batch.
        """
        for layout in plan(self.encodings.lengths):
            numbers = number_tokens(self.encodings, layout)
            batch = pack(self.encodings, layout)
            positions = np.zeros_like(batch.positions)
            positions.reshape(-1)[batch.slots] = self.positions[numbers]
            yield layout, numbers, replace(batch, positions=positions)

    def pad(self, values: FloatArray) -> Tensor:
        """Pad values of tokens with zeros, [T, …] → [B, S, …]; without padding no copy is made."""
        if self.is_real.all():
            return torch.from_numpy(values.reshape(*self.is_real.shape, *values.shape[1:]))
        rows = np.zeros((*self.is_real.shape, *values.shape[1:]), values.dtype)
        rows[self.is_real] = values
        return torch.from_numpy(rows)

    def number_tokens(self, columns: Int64Array) -> Int64Array:
        """Convert columns [B, P] of each row to numbers of tokens, -1 for padding."""
        counted = np.cumsum(self.is_real).reshape(self.is_real.shape) - 1
        numbers = np.where(self.is_real, counted, -1)  # [B, S]
        return np.take_along_axis(numbers, columns, axis=1)

    def columns(self, indices: Int64Array) -> Int64Array:
        """Convert indices [B, …] of a text's tokens to columns of its row; 0 for -1."""
        real_first = np.argsort(~self.is_real, axis=1, kind="stable")  # [B, S]
        flat = indices.reshape(len(indices), -1)
        columns = np.take_along_axis(real_first, np.maximum(flat, 0), axis=1)
        return np.where(flat < 0, 0, columns).reshape(indices.shape)


def run_unpadded(engine: Engine, texts: UnpaddedBatch, request: OutputRequest) -> Outputs:
    """Run an engine on all texts.

    Args:
        engine: Any engine.
        texts: N texts with T tokens.
        request: Its token numbers count through all texts; `mlm_tokens` is ascending without
            duplicates.

    Returns:
        The outputs of all texts in their order.
    """
    N, T = len(texts.encodings), len(texts.positions)
    P = 0 if request.mlm_tokens is None else len(request.mlm_tokens)
    reads_tokens = request.head is not None and head(request.head).reads == "tokens"
    outputs, spans = _Collector(), _Collector()
    for layout, numbers, batch in texts.pack():
        part_request = request
        masked = np.zeros(0, np.int64)
        if request.mlm_tokens is not None:
            masked = np.flatnonzero(np.isin(numbers, request.mlm_tokens))
            part_request = replace(part_request, mlm_tokens=masked)
        if request.spans is not None and request.spans.is_excluded is not None:
            search = replace(request.spans, is_excluded=request.spans.is_excluded[numbers])
            part_request = replace(part_request, spans=search)
        part = engine.run(batch, part_request)
        outputs.put("tokens", part.tokens, numbers, T)
        outputs.put("pooled", part.pooled, layout.texts, N)
        if reads_tokens:
            outputs.put("head_logits", part.head_logits, numbers, T)
        else:
            outputs.put("head_logits", part.head_logits, layout.texts, N)
        if request.mlm_tokens is not None:
            rows = np.searchsorted(request.mlm_tokens, numbers[masked])
            outputs.put("mlm_logits", part.mlm_logits, rows, P)
        if part.spans is not None:
            for field in fields(Spans):
                spans.put(field.name, getattr(part.spans, field.name), layout.texts, N)
    return Outputs(**outputs.arrays, spans=Spans(**spans.arrays) if spans.arrays else None)


class _Collector:
    """Arrays that are filled call by call, so that large logits exist only once."""

    def __init__(self) -> None:
        self.arrays: dict[str, npt.NDArray[Any]] = {}  # float32, or positions

    def put(self, name: str, part: npt.NDArray[Any] | None, rows: Int64Array, count: int) -> None:
        """Copy row i of `part` to row rows[i] of an array with `count` rows."""
        if part is None:
            return
        if name not in self.arrays:
            self.arrays[name] = np.empty((count, *part.shape[1:]), part.dtype)
        self.arrays[name][rows] = part
