"""Two heads read the previous and the next piece, from the first step on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from albertkit.errors import InputError
from albertkit.model.albert import Trace
from albertkit.pretraining.losses import PackedPretraining
from albertkit.pretraining.neighbours import initialize_neighbour_heads
from albertkit.spec import AlbertConfig

SIZES: dict[str, Any] = {
    "vocab_size": 200,
    "embedding_size": 128,
    "hidden_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": 0.05,
}


def test_the_first_heads_read_the_previous_and_the_next_piece() -> None:
    torch.manual_seed(0)
    config = AlbertConfig(**SIZES)
    model = PackedPretraining(config)
    rng = np.random.default_rng(0)
    initialize_neighbour_heads(
        model.canonical_parameters(), config, rng.normal(size=(200, 100)), range(5)
    )
    ids = torch.from_numpy(rng.integers(5, 200, (3, 40)))
    trace = Trace(hidden_states=[], attentions=[])
    with torch.no_grad():
        positions = torch.arange(40).expand(3, 40)
        model.albert.token_vectors(ids, torch.zeros_like(ids), positions, None, trace)
    assert trace.attentions is not None
    first = trace.attentions[0]  # [B, A, S, S]
    assert first[:, 0].diagonal(offset=-1, dim1=-2, dim2=-1).mean() > 0.8
    assert first[:, 1].diagonal(offset=1, dim1=-2, dim2=-1).mean() > 0.8
    assert first[:, 2].max() < 0.3, "the other heads start at random"


def test_a_narrow_model_is_refused() -> None:
    config = AlbertConfig(**{**SIZES, "num_attention_heads": 16})
    with pytest.raises(InputError, match="initialization-impossible"):
        initialize_neighbour_heads({}, config, np.zeros((200, 100)), range(5))
