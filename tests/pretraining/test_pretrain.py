"""A model that begins as another knows what that one knew."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from albertkit.errors import FormatError
from albertkit.pretraining.losses import PackedPretraining
from albertkit.pretraining.pretrain import begin_as, log_shares
from albertkit.pretraining.shards import Shard
from albertkit.spec import AlbertConfig
from tests.support.axes import random_weights

SIZES = {
    "vocab_size": 60,
    "embedding_size": 8,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}


@pytest.mark.parametrize("heads", [(), ("sequence_classification",), ("masked_lm",)])
def test_all_that_is_there_is_taken(heads: tuple[str, ...]) -> None:
    weights = random_weights(AlbertConfig(**SIZES), heads, seed=1)
    model = PackedPretraining(AlbertConfig(**SIZES))
    begin_as(model, weights)
    named = model.named()
    taken = named.keys() & weights.arrays.keys()
    assert len(taken) >= 23
    for name in taken:
        np.testing.assert_array_equal(named[name].detach().numpy(), weights.arrays[name])


def test_a_new_word_head_points_back_to_the_word_table() -> None:
    weights = random_weights(AlbertConfig(**SIZES), (), seed=1)
    model = PackedPretraining(AlbertConfig(**SIZES))
    begin_as(model, weights)
    named = model.named()
    table = named["embeddings.word_embeddings.weight"]
    there = table @ named["encoder.embedding_hidden_mapping_in.weight"].T
    back = there @ named["predictions.dense.weight"].T
    torch.testing.assert_close(back, table, atol=1e-4, rtol=0)


def test_another_shape_is_refused() -> None:
    weights = random_weights(AlbertConfig(**{**SIZES, "hidden_size": 32}), (), seed=1)
    with pytest.raises(FormatError, match="checkpoint-shape-mismatch"):
        begin_as(PackedPretraining(AlbertConfig(**SIZES)), weights)


def test_a_bias_of_shares_says_how_often_pieces_are(shard: Shard) -> None:
    bias = log_shares(shard, 300)
    assert np.exp(bias).sum() == pytest.approx(1, abs=1e-5)
    often, never = int(np.bincount(shard.ids).argmax()), 299
    assert bias.argmax() == often
    assert bias[never] == bias.min()
