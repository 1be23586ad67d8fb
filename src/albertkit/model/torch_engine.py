"""The engine in torch: on a GPU, and on a CPU without OpenVINO.

It runs the modules of albert.py on texts laid end to end in one row, without padding. The heads
are the same as in all engines.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from albertkit.arrays import FloatArray, Int32Array, Int64Array
from albertkit.engine.numpy_engine import compute_outputs
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch, Precision, check_request
from albertkit.errors import InputError
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.model.albert import AlbertEncoder
from albertkit.model.forked_child import FORK, prepare_forked_child
from albertkit.model.packed_attention import TextBounds
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.parameters import CachedArrays, make_writable

LOGGER = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class TorchEngine:
    """Runs one model in torch, on as many cores as torch is set to use."""

    name = "torch"
    tokens_per_call: int | None = None

    def __init__(
        self,
        weights: Weights,
        *,
        precision: Precision = "float32",
        device: str = "cpu",
    ) -> None:
        """Create the encoder on its device.

        Args:
            weights: The model. In float32 on a CPU the engine uses the arrays' memory, which must
                not change.
            precision: "float32" or "bfloat16".
            device: "cpu", "cuda" or "cuda:N"; it must exist (`resolve_device`).

        Raises:
            InputError: [precision-unsupported] for another precision.
        """
        if precision not in DTYPES:
            raise InputError(
                "precision-unsupported",
                f"precision is {precision!r} and the engine is 'torch'",
                why=f"this engine computes in {' or '.join(DTYPES)}",
                fix="Choose one of these, or another engine",
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
        """The model's config."""
        return self.weights.config

    def run(self, batch: PackedBatch, request: OutputRequest) -> Outputs:
        """Compute the requested outputs of a packed batch; as `Engine.run`."""
        check_request(self.weights, batch, request)
        encoder = self._encoder
        if encoder is None:
            raise RuntimeError("this engine was closed")
        if FORK.is_inherited:
            prepare_forked_child(self._device)
        lengths = np.diff(batch.offsets)  # [N]
        # Tokens in the order of their texts' lengths: texts of one length are neighbours.
        order = np.argsort(np.repeat(lengths, lengths), kind="stable")  # [T]
        bounds = TextBounds.of(sorted(lengths.tolist()), self._device)
        slots = batch.slots[order]  # [T]
        with torch.inference_mode():
            ids, type_ids, positions = (
                self._gather(values, slots)
                for values in (batch.ids, batch.type_ids, batch.positions)
            )
            vectors = encoder.token_vectors(ids, type_ids, positions, bounds)  # [1, T, H]
            sorted_vectors: FloatArray = vectors[0].cpu().float().numpy()
        result = np.empty_like(sorted_vectors)
        result[order] = sorted_vectors
        return compute_outputs(self._heads, result, batch.offsets, request)

    def close(self) -> None:
        """Free the parameters; the engine cannot run afterwards."""
        self._encoder = None

    def __reduce__(self) -> tuple[Callable[[], TorchEngine], tuple[()]]:
        """Copies and pickles hold the weights and the options."""
        device = str(self._device)
        return partial(TorchEngine, self.weights, precision=self.precision, device=device), ()

    def _gather(self, values: Int32Array, slots: Int64Array) -> Tensor:
        """Values of slots [R, W], in one row [1, T]."""
        row: Int32Array = values.reshape(-1)[slots][None]
        return torch.from_numpy(row).to(self._device)


def build_encoder(weights: Weights, dtype: torch.dtype, device: torch.device) -> AlbertEncoder:
    """Return the encoder in eval mode; float32 on a CPU shares the memory of `weights`."""
    with torch.device("meta"):  # so that no parameter is initialized for nothing
        encoder = AlbertEncoder(weights.config, pooler=False)
    arrays = CachedArrays(weights.arrays)
    state = {
        name: torch.from_numpy(make_writable(arrays[name])).to(device, dtype)
        for name, _ in encoder.named_parameters()
    }
    encoder.load_state_dict(state, assign=True)
    return encoder.requires_grad_(False).eval()
