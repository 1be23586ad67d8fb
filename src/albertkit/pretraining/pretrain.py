"""Pretrain an ALBERT from a recipe: masked words and sentence order on packed rows.

In: a recipe (TOML) and a directory for the run. Out: the run's state and journal in it, and the
parameters under their canonical names. See recipes/small-en.toml for an example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from albertkit.checkpoints import read_checkpoint
from albertkit.checkpoints.agreement import check_shapes
from albertkit.pretraining.batches import BatchShape, PretrainingBatch, batches
from albertkit.pretraining.losses import PackedPretraining
from albertkit.pretraining.masking import start_pieces
from albertkit.pretraining.shards import Shard
from albertkit.spec import AlbertConfig, FloatArray, Weights, parameter_table
from albertkit.text.tokenizer import AlbertTokenizer
from albertkit.training.loop import Run
from albertkit.training.recipe import Schedule, fill, read_toml

HEAD_PREFIXES = ("predictions.", "sop_classifier.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecipe:
    """The shape of the model; the vocabulary gives the rest."""

    embedding_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    initializer_range: float = 0.02

    def config(self, vocab_size: int) -> AlbertConfig:
        return AlbertConfig(
            vocab_size=vocab_size,
            embedding_size=self.embedding_size,
            hidden_size=self.hidden_size,
            num_hidden_layers=self.num_hidden_layers,
            num_attention_heads=self.num_attention_heads,
            intermediate_size=self.intermediate_size,
            initializer_range=self.initializer_range,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRecipe:
    """What is read: paths are counted from the recipe's directory."""

    tokenizer: str  # a directory or a SentencePiece model
    shard: str  # made by `write_shard`
    start: str = ""  # a model's directory, whose encoder this one begins as; empty: at random
    rows: int = 16  # R of a batch
    width: int = 128  # W of a row, the longest sequence
    masked_share: float = 0.15  # of the pieces


@dataclass(frozen=True, slots=True)
class PretrainingRecipe:
    """A whole recipe."""

    model: ModelRecipe
    data: DataRecipe
    schedule: Schedule
    home: Path  # the recipe's directory

    @classmethod
    def read(cls, place: Path) -> PretrainingRecipe:
        """Read a TOML file with the tables [model], [data] and [schedule]."""
        found = read_toml(place)
        return cls(
            fill(ModelRecipe, found.get("model"), "model"),
            fill(DataRecipe, found.get("data"), "data"),
            fill(Schedule, found.get("schedule"), "schedule"),
            place.resolve().parent,
        )


def pretrain(recipe: PretrainingRecipe, place: Path) -> Weights:
    """Train to the recipe's last step, going on from what `place` holds of an earlier run."""
    tokenizer = tokenizer_of(recipe)
    config = recipe.model.config(tokenizer.vocab_size)
    torch.manual_seed(recipe.schedule.seed)
    model = PackedPretraining(config)
    if recipe.data.start:
        begin_as(model, read_checkpoint(recipe.home / recipe.data.start).weights)
    run: Run[PretrainingBatch] = Run(
        model.named(), model, partial(epoch_batches, recipe, tokenizer), recipe.schedule, place
    )
    run.train()
    return Weights(config, ("masked_lm", "sentence_order"), arrays_of(model.named()), str(place))


def begin_as(model: PackedPretraining, weights: Weights) -> None:
    """Give `model` the encoder of `weights`, and a word head that points back to the word table.

    Where the encoder was taught sentence vectors, such a head names words near in meaning to the
    text from the first step on. Raises FormatError [checkpoint-misshaped].
    """
    parameters = model.named()
    heads = tuple(name for name in parameters if name.startswith(HEAD_PREFIXES))
    encoder = {name: array for name, array in weights.arrays.items() if name not in heads}
    table = parameter_table(model.config, pooler=weights.has_pooler)
    check_shapes(table, {name: array.shape for name, array in encoder.items()}, weights.origin)
    for name, array in encoder.items():
        parameters[name].data.copy_(torch.from_numpy(np.array(array)))
    projection = parameters["encoder.embedding_hidden_mapping_in.weight"]  # [H, E]
    parameters["predictions.dense.weight"].data.copy_(torch.linalg.pinv(projection.detach()))


def tokenizer_of(recipe: PretrainingRecipe) -> AlbertTokenizer:
    return AlbertTokenizer.from_pretrained(recipe.home / recipe.data.tokenizer)


def epoch_batches(
    recipe: PretrainingRecipe, tokenizer: AlbertTokenizer, epoch: int
) -> Iterator[PretrainingBatch]:
    """The batches of an epoch: a function of the recipe and the epoch's number."""
    data = recipe.data
    pieces = tokenizer.convert_ids_to_tokens(range(tokenizer.vocab_size))
    return batches(
        Shard.open(recipe.home / data.shard),
        BatchShape(data.rows, data.width, data.masked_share),
        start_pieces(pieces),
        seed=recipe.schedule.seed,
        epoch=epoch,
    )


def arrays_of(parameters: Mapping[str, nn.Parameter]) -> dict[str, FloatArray]:
    """Float32 copies of parameters, by their canonical names."""
    return {name: p.detach().float().numpy().copy() for name, p in parameters.items()}
