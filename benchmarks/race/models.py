"""The models that are raced: directories that every contestant opens.

`base` and `small` have random weights of a size that keeps attention and gelu alive, for speed
does not depend on the values; their vocabulary is the built-in models', so they have its 16,000
pieces and not 30,000. `small-en-vectors` is the built-in model itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from albertkit.checkpoints import HUGGINGFACE, Stored
from albertkit.sources import VECTORS, directory_of
from albertkit.spec import AlbertConfig, FloatArray, Parameter, Weights, parameter_table, preset
from albertkit.text import AlbertTokenizer

RANDOM: Mapping[str, AlbertConfig] = MappingProxyType(
    {
        "base": preset("base"),
        "small": replace(
            preset("base"),
            hidden_size=384,
            num_attention_heads=6,
            intermediate_size=1536,
            num_hidden_layers=6,
        ),
    }
)


def model_directory(shape: str, folder: Path) -> Path:
    """The shape's model below `folder`, written there once."""
    place = folder / shape
    if place.exists():
        return place
    folder.mkdir(parents=True, exist_ok=True)
    builtin = directory_of(VECTORS)
    if shape not in RANDOM:
        shutil.copytree(builtin, place)
        return place
    tokenizer = AlbertTokenizer.from_pretrained(builtin)
    config = replace(RANDOM[shape], vocab_size=tokenizer.vocab_size)
    chance = np.random.default_rng(0)
    table = parameter_table(config, pooler=True)
    arrays = {row.name: random_array(row, chance) for row in table.stored}
    tokenizer.save_pretrained(place)
    HUGGINGFACE.write(Stored(Weights(config, (), arrays)), place)
    return place


def random_array(row: Parameter, chance: np.random.Generator) -> FloatArray:
    """Values of a trained model's size."""
    if len(row.shape) == 2:
        spread = 0.02 if "embeddings." in row.name else 1.2 * row.shape[1] ** -0.5
        return chance.normal(0, spread, row.shape).astype(np.float32)
    if row.name.lower().endswith("norm.weight"):
        return chance.normal(1, 0.15, row.shape).astype(np.float32)
    return chance.normal(0, 0.05, row.shape).astype(np.float32)
