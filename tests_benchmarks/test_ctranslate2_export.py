"""The model that CTranslate2 races computes what ALBERT computes, in transformers."""

from __future__ import annotations

from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import torch
from tests.support.axes import CONFIGS, random_weights
from tests.support.tiny_models import save_tiny
from transformers import AlbertModel

from albertkit import TextEmbedder
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from race.ctranslate2_export import FOLDER, write_ctranslate2
from race.padded_peers import CTranslate2

LENGTHS = (9, 30, 1, 2)
TEXTS = ["the river", "a longer text of the sea", "x"]
AXES = [
    "plain",
    "gelu_erf",
    "relu",
    "silu",
    "groups_of_two_layers",
    "groups_not_dividing_layers",
    "embedding_as_wide_as_hidden",
    "large_epsilon",
    "one_head",
    "heads_of_odd_size",
]


@pytest.mark.parametrize("axis", AXES)
def test_the_export_is_exact(axis: str, tmp_path: Path) -> None:
    config = CONFIGS[axis]
    HUGGINGFACE.write(Checkpoint(random_weights(config)), tmp_path)
    write_ctranslate2(tmp_path)
    rng = np.random.default_rng(0)
    mask = (np.arange(max(LENGTHS)) < np.array(LENGTHS)[:, None]).astype(np.int32)
    ids = rng.integers(5, config.vocab_size, mask.shape, dtype=np.int32) * mask
    from_array = ctranslate2.StorageView.from_array
    encoder = ctranslate2.Encoder(str(tmp_path / FOLDER), compute_type="float32")
    given, lengths = from_array(ids), from_array(mask.sum(1).astype(np.int32))
    result = np.array(encoder.forward_batch(given, lengths).last_hidden_state)
    albert = AlbertModel.from_pretrained(tmp_path, dtype=torch.float32).eval()
    with torch.inference_mode():
        wanted = albert(torch.from_numpy(ids), torch.from_numpy(mask)).last_hidden_state.numpy()
    real = mask.astype(bool)
    np.testing.assert_allclose(result[real], wanted[real], atol=1e-5)


def test_the_contestant_gives_the_vectors_of_the_others(tmp_path: Path) -> None:
    directory = save_tiny(tmp_path / "model")
    write_ctranslate2(directory)
    wanted = TextEmbedder(directory, engine="numpy").encode(TEXTS)
    exact = CTranslate2(directory, 1, "float32").encode(TEXTS)
    np.testing.assert_allclose(exact, wanted, atol=1e-5)
    rounded = CTranslate2(directory, 1, "int8").encode(TEXTS)
    lengths = np.linalg.norm(rounded, axis=1) * np.linalg.norm(wanted, axis=1)
    assert ((rounded * wanted).sum(1) / lengths).min() > 0.999
