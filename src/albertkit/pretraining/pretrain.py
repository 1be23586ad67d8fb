"""Pretrain an ALBERT from a recipe: masked words and sentence order on packed rows.

In: a recipe (TOML) and a directory for the run. Out: the run's state and journal in it, and the
parameters under their canonical names. See recipes/small-en for an example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from albertkit.arrays import FloatArray
from albertkit.checkpoints import read_checkpoint
from albertkit.checkpoints.agreement import check_shapes
from albertkit.pretraining.batches import BatchShape, PretrainingBatch, batches
from albertkit.pretraining.losses import PackedPretraining
from albertkit.pretraining.masking import start_pieces
from albertkit.pretraining.neighbours import begin_with_neighbours
from albertkit.pretraining.recipe import Recipe
from albertkit.pretraining.shards import Shard
from albertkit.spec import Weights, parameter_table
from albertkit.tokenization.tokenizer import AlbertTokenizer
from albertkit.training.loop import Run

HEADS = ("masked_lm", "sentence_order")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusRecipe:
    """What is read: paths are counted from the recipe's directory."""

    tokenizer: str  # a directory or a SentencePiece model
    shard: str  # made by `write_shard`
    piece_vectors: str = ""  # .npy [V, D]: another model's vector of each piece, to begin with
    start: str = ""  # a model's directory, as which this one begins; empty: at random
    rows: int = 16  # R of a batch
    width: int = 128  # W of a row, the longest sequence
    masked_share: float = 0.15  # of the pieces


def pretrain(recipe: Recipe[CorpusRecipe], place: Path) -> Weights:
    """Train to the recipe's last step, going on from what `place` holds of an earlier run."""
    tokenizer = recipe.tokenizer()
    config = recipe.model.config(tokenizer.vocab_size)
    torch.manual_seed(recipe.schedule.seed)
    model = PackedPretraining(config)
    shard = Shard.open(recipe.home / recipe.data.shard)
    model.predictions.bias.data.copy_(torch.from_numpy(log_shares(shard, config.vocab_size)))
    if recipe.data.piece_vectors:
        pieces = np.load(recipe.home / recipe.data.piece_vectors)
        begin_with_neighbours(model.named(), config, pieces, recipe.schedule.seed)
    if recipe.data.start:
        begin_as(model, read_checkpoint(recipe.home / recipe.data.start).weights)
    table = parameter_table(config, HEADS)
    run: Run[PretrainingBatch] = Run(
        model.named(),
        table.decaying,
        model,
        partial(epoch_batches, recipe, shard, tokenizer),
        recipe.schedule,
        place,
        table.inner_matrices,
    )
    run.train()
    return Weights(config, HEADS, arrays_of(model.named()), str(place))


def log_shares(shard: Shard, pieces: int) -> FloatArray:
    """[V] log of each piece's share of the corpus, one occurrence added to each.

    A word head that begins with this bias need not learn first how often words are.
    """
    counts = np.bincount(shard.ids, minlength=pieces) + 1
    return np.asarray(np.log(counts / counts.sum()), np.float32)


def begin_as(model: PackedPretraining, weights: Weights) -> None:
    """Give `model` all that `weights` hold of it: the encoder, and the heads where they are there.

    Without a word head of its own, the model gets one that points from token vectors back to the
    word table: where the encoder was taught sentence vectors, it names words near in meaning to
    the text from the first step on. Raises FormatError [checkpoint-shape-mismatch].
    """
    parameters = model.named()
    table = parameter_table(model.config, weights.heads, pooler=weights.has_pooler)
    shapes = {name: array.shape for name, array in weights.arrays.items()}
    check_shapes(table, shapes, weights.origin)
    for name in parameters.keys() & weights.arrays.keys():
        parameters[name].data.copy_(torch.from_numpy(np.array(weights.arrays[name])))
    if "masked_lm" not in weights.heads:
        projection = parameters["encoder.embedding_hidden_mapping_in.weight"]  # [H, E]
        parameters["predictions.dense.weight"].data.copy_(torch.linalg.pinv(projection.detach()))


def epoch_batches(
    recipe: Recipe[CorpusRecipe], shard: Shard, tokenizer: AlbertTokenizer, epoch: int
) -> Iterator[PretrainingBatch]:
    """The batches of an epoch: a function of the recipe and the epoch's number."""
    data = recipe.data
    pieces = tokenizer.convert_ids_to_tokens(range(tokenizer.vocab_size))
    return batches(
        shard,
        BatchShape(data.rows, data.width, data.masked_share),
        start_pieces(pieces),
        seed=recipe.schedule.seed,
        epoch=epoch,
    )


def arrays_of(parameters: Mapping[str, nn.Parameter]) -> dict[str, FloatArray]:
    """Float32 copies of parameters, by their canonical names."""
    return {name: p.detach().float().numpy().copy() for name, p in parameters.items()}
