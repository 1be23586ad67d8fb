"""The models that are raced: directories that every contestant opens.

`base` and `small` have random weights of a size that keeps attention and gelu alive, for speed
does not depend on the values; their vocabulary is the built-in models', so they have its 16,000
pieces and not 30,000. `small-en-vectors` is the built-in model itself.
"""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.sources import VECTORS, resolve_location
from albertkit.spec import AlbertConfig, Parameter, Weights, parameter_table
from albertkit.spec.presets import preset
from albertkit.tokenization import AlbertTokenizer

WEIGHTS = "model.safetensors"
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
    """The shape's model below `folder`, written there where it is not yet."""
    directory = folder / shape
    folder.mkdir(parents=True, exist_ok=True)
    builtin = resolve_location(VECTORS)
    if shape not in RANDOM:
        copy(builtin, directory)
    elif not directory.exists():
        write_random(RANDOM[shape], AlbertTokenizer.from_pretrained(builtin), directory)
    return directory


def copy(model: Path, directory: Path) -> None:
    """A model's directory; one of other weights that is there goes, with all made from it."""
    if directory.exists() and not filecmp.cmp(model / WEIGHTS, directory / WEIGHTS, shallow=False):
        shutil.rmtree(directory)
    if not directory.exists():
        shutil.copytree(model, directory)


def write_random(config: AlbertConfig, tokenizer: AlbertTokenizer, directory: Path) -> None:
    config = replace(config, vocab_size=tokenizer.vocab_size)
    rng = np.random.default_rng(0)
    table = parameter_table(config, pooler=True)
    arrays = {row.name: random_array(row, rng) for row in table.stored}
    tokenizer.save_pretrained(directory)
    HUGGINGFACE.write(Checkpoint(Weights(config, (), arrays)), directory)


def random_array(row: Parameter, rng: np.random.Generator) -> FloatArray:
    """Values of a trained model's size."""
    if len(row.shape) == 2:
        spread = 0.02 if "embeddings." in row.name else 1.2 * row.shape[1] ** -0.5
        return rng.normal(0, spread, row.shape).astype(np.float32)
    if row.name.lower().endswith("norm.weight"):
        return rng.normal(1, 0.15, row.shape).astype(np.float32)
    return rng.normal(0, 0.05, row.shape).astype(np.float32)
