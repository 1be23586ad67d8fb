"""The axes along which ALBERT's configuration varies: one list, used by every parity test.

Also the random weights for it: no bias is zero and no scale of a norm is one, because with the
usual initial values a swapped or forgotten tensor stays unseen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pytest

from albertkit.arrays import FloatArray
from albertkit.spec import AlbertConfig, Parameter, Weights, parameter_table
from albertkit.tokenization.encodings import Encodings

SMALL: Final[dict[str, int | float | str]] = {
    "vocab_size": 97,
    "embedding_size": 16,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "hidden_act": "gelu_new",
}
AXES: Final[dict[str, dict[str, int | float | str]]] = {
    "plain": {},
    "gelu_erf": {"hidden_act": "gelu"},
    "quick_gelu": {"hidden_act": "quick_gelu"},
    "relu": {"hidden_act": "relu"},
    "silu": {"hidden_act": "silu"},
    "groups_of_two_layers": {
        "num_hidden_layers": 5,
        "num_hidden_groups": 2,
        "inner_group_num": 2,
    },
    "groups_not_dividing_layers": {"num_hidden_layers": 7, "num_hidden_groups": 3},
    "more_groups_than_layers": {"num_hidden_layers": 2, "num_hidden_groups": 3},
    "two_inner_layers": {"inner_group_num": 2},
    "embedding_as_wide_as_hidden": {"embedding_size": 32},
    "embedding_wider_than_hidden": {"embedding_size": 40},
    "large_epsilon": {"layer_norm_eps": 1e-6},
    "epsilon_of_the_prediction_head": {"prediction_layer_norm_eps": 1e-3},
    "one_head": {"num_attention_heads": 1},
    "heads_of_odd_size": {"hidden_size": 30, "num_attention_heads": 6},
    "four_types": {"type_vocab_size": 4},
}
CONFIGS: Final = {
    name: AlbertConfig(**{**SMALL, **axis})  # type: ignore[arg-type]  # plain data
    for name, axis in AXES.items()
}
CONFIG: Final = CONFIGS["plain"]
CONFIG_AXES = tuple(pytest.param(config, id=name) for name, config in CONFIGS.items())


def random_weights(
    config: AlbertConfig,
    heads: Iterable[str] = (),
    seed: int = 0,
    pooler: bool | None = None,
) -> Weights:
    """Weights for every row of the parameter table, the same for the same seed.

    Matrices keep the size of what passes through them, so that gelu and softmax stay alive.
    """
    table = parameter_table(config, heads, pooler=pooler)
    rng = np.random.default_rng(seed)
    arrays = {row.name: _random_array(row, rng) for row in table.stored}
    return Weights(config, table.heads, arrays, origin=f"random weights, seed {seed}")


def random_encodings(config: AlbertConfig, lengths: Sequence[int], seed: int = 0) -> Encodings:
    """Texts of the given lengths, of ids and type ids as they come."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    return Encodings(
        ids=rng.integers(0, config.vocab_size, offsets[-1], dtype=np.int32),
        type_ids=rng.integers(0, config.type_vocab_size, offsets[-1], dtype=np.int32),
        offsets=offsets,
        dropped=np.zeros(len(lengths), np.int64),
    )


def _random_array(row: Parameter, rng: np.random.Generator) -> FloatArray:
    if len(row.shape) == 2:
        spread = 0.5 if "embeddings." in row.name else 1 / math.sqrt(row.shape[1])
        return rng.normal(0, spread, row.shape).astype(np.float32)
    sizes = rng.uniform(0.05, 0.3, row.shape)
    signed = np.where(rng.random(row.shape) < 0.5, -sizes, sizes)
    around = 1.0 if row.name.lower().endswith("norm.weight") else 0.0
    return (around + signed).astype(np.float32)
