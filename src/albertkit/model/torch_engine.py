"""The engine in torch: on a GPU, and on a CPU where OpenVINO cannot be had.

It runs the modules of albert.py; only what a query sees is given otherwise: the texts lie end to
end in one row, without a slot between them. The heads are those of every engine.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.answers import answers
from albertkit.engine.cached_arrays import CachedArrays, as_writable
from albertkit.engine.checks import check
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch, Precision
from albertkit.errors import InputError
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.model.albert import AlbertEncoder
from albertkit.model.packed_attention import TextBounds
from albertkit.spec import AlbertConfig, Weights

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class TorchEngine:
    """Runs one model in torch.

    device: one that is here (`devices.py` knows). In float32 on a CPU the weights' memory is
    used where it lies and must stay as it is. torch's own setting says how many cores it uses.
    """

    name = "torch"

    def __init__(
        self,
        weights: Weights,
        *,
        precision: Precision = "float32",
        device: str = "cpu",
    ) -> None:
        if precision not in DTYPES:
            raise InputError(
                "precision-unsupported",
                f"precision is {precision!r} and the engine is 'torch'",
                why=f"it computes in {' or '.join(DTYPES)}",
                fix="Take one of these, or leave the engine out",
            )
        self.weights = weights
        self.precision = precision
        self._device = torch.device(device)
        self._heads = NumpyEmitter(weights.config, CachedArrays(weights.arrays))
        self._encoder: AlbertEncoder | None = build_encoder(
            weights, DTYPES[precision], self._device
        )

    @property
    def config(self) -> AlbertConfig:
        return self.weights.config

    def run(self, batch: PackedBatch, wanted: OutputRequest) -> Outputs:
        check(self.weights, batch, wanted)
        encoder = self._encoder
        if encoder is None:
            raise RuntimeError("this engine was closed")
        lengths = np.diff(batch.offsets)  # [N]
        # Tokens in the order of their texts' lengths: texts of one length lie side by side.
        order = np.argsort(np.repeat(lengths, lengths), kind="stable")  # [T]
        bounds = TextBounds.of(sorted(lengths.tolist()), self._device)
        slots = batch.slots[order]  # [T]
        with torch.inference_mode():
            ids, type_ids, positions = (
                self._laid(values, slots) for values in (batch.ids, batch.type_ids, batch.positions)
            )
            vectors = encoder.token_vectors(ids, type_ids, positions, bounds)  # [1, T, H]
            found: FloatArray = vectors[0].cpu().float().numpy()
        in_place = np.empty_like(found)
        in_place[order] = found
        return answers(self._heads, in_place, batch.offsets, wanted)

    def close(self) -> None:
        """Give the parameters' memory back; the engine does not run afterwards."""
        self._encoder = None

    def _laid(self, values: np.ndarray, slots: Int64Array) -> Tensor:
        """Values of slots [R, W], in one row [1, T]."""
        return torch.from_numpy(values.reshape(-1)[slots][None]).to(self._device)


def build_encoder(weights: Weights, dtype: torch.dtype, device: torch.device) -> AlbertEncoder:
    """The encoder in eval mode; float32 on a CPU shares the memory of `weights`."""
    with torch.device("meta"):  # so that nothing is filled before its parameters are there
        encoder = AlbertEncoder(weights.config, pooler=False)
    arrays = CachedArrays(weights.arrays)
    state = {
        name: torch.from_numpy(as_writable(arrays[name])).to(device, dtype)
        for name, _ in encoder.named_parameters()
    }
    encoder.load_state_dict(state, assign=True)
    return encoder.requires_grad_(False).eval()
