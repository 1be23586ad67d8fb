"""Does what was read compute what TensorFlow computed?

Sequence, pooled and each layer to 1e-5, logits over the vocabulary to 5e-5: two float32 programs
that sum in different orders differ by up to 2.4e-6 and 1.0e-5 on these models.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

import albertkit
from albertkit.arrays import FloatArray
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import compute_mlm_logits, compute_text_vectors, compute_token_vectors
from albertkit.engine.protocol import Engine
from albertkit.spec import Weights
from albertkit.tokenization.encodings import Encodings
from tests.support.modules import Reference

ATOL, LOGITS_ATOL = 1e-5, 5e-5


def assert_engines_compute(weights: Weights, wanted: Reference) -> None:
    """numpy and OpenVINO give the reference's outputs wherever there is a token."""
    makers: tuple[Callable[[], Engine], ...] = (
        lambda: NumpyEngine(weights),
        lambda: OpenVinoEngine(weights, threads=1),
    )
    mask = wanted["input_mask"] == 1  # [B, S]
    texts = encodings_of(wanted)
    for make in makers:
        engine = make()
        pooled = compute_text_vectors(engine, texts, "pooler")  # [B, H]
        tokens = compute_token_vectors(engine, texts)  # [T, H]
        close(pooled, wanted["pooled_output"], ATOL)
        close(tokens, wanted["sequence_output"][mask], ATOL)
        if "mlm_logits" in wanted:
            number = np.cumsum(mask).reshape(mask.shape) - 1  # [B, S] of each token in the list
            rows = np.arange(len(mask))[:, None]
            asked = number[rows, wanted["masked_lm_positions"]]  # [B, P]
            indices, places = np.unique(asked, return_inverse=True)
            logits = compute_mlm_logits(engine, texts, indices)[places.reshape(asked.shape)]
            close(logits, wanted["mlm_logits"], LOGITS_ATOL)
        engine.close()


def assert_torch_computes(weights: Weights, wanted: Reference) -> None:
    """The torch model gives every output of the reference, padded slots and layers included."""
    inputs = torch_inputs(wanted)
    with torch.no_grad():
        model = albertkit.AlbertModel.from_weights(weights)
        outputs = model(**inputs, output_hidden_states=True)
        close(outputs.pooler_output, wanted["pooled_output"], ATOL)
        close(outputs.last_hidden_state, wanted["sequence_output"], ATOL)
        for name in (name for name in wanted if name.startswith("encoder_output_")):
            layer = outputs.hidden_states[int(name.removeprefix("encoder_output_")) + 1]
            close(layer, wanted[name], ATOL)
        if "mlm_logits" in wanted:
            words = albertkit.AlbertForMaskedLM.from_weights(weights)
            positions = torch.from_numpy(wanted["masked_lm_positions"]).long()
            logits = words(**inputs, masked_lm_positions=positions).logits
            close(logits, wanted["mlm_logits"], LOGITS_ATOL)


def torch_inputs(wanted: Reference) -> dict[str, torch.Tensor]:
    names = {
        "input_ids": "input_word_ids",
        "attention_mask": "input_mask",
        "token_type_ids": "input_type_ids",
    }
    return {ours: torch.from_numpy(wanted[theirs]).long() for ours, theirs in names.items()}


def encodings_of(wanted: Reference) -> Encodings:
    """The texts of a padded batch, one after another."""
    mask = wanted["input_mask"] == 1
    lengths = mask.sum(axis=1)
    return Encodings(
        wanted["input_word_ids"][mask].astype(np.int32),
        wanted["input_type_ids"][mask].astype(np.int32),
        np.concatenate(([0], np.cumsum(lengths))),
        np.zeros(len(lengths), np.int64),
    )


def close(actual: FloatArray | torch.Tensor, wanted: np.ndarray, atol: float) -> None:
    np.testing.assert_allclose(np.asarray(actual), wanted, rtol=0, atol=atol)
