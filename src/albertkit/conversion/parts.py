"""The parts of a model that a format may have no place for, and that are never lost in silence.

A part is a head by its name, the pooler, what makes vectors of texts, or the tokenizer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np

from albertkit.errors import InputError
from albertkit.runtime.loaded_model import LoadedModel
from albertkit.spec import Weights, parameter_table
from albertkit.spec.heads import head
from albertkit.spec.pooling_config import Dense, PoolingConfig, VectorStep

POOLER, VECTORS, TOKENIZER = "pooler", "vectors", "tokenizer"


def parts_of(model: LoadedModel) -> tuple[str, ...]:
    """The parts that are there; a plan that says only what holds without one is none."""
    weights, checkpoint = model.weights, model.checkpoint
    there = {
        POOLER: weights.has_pooler,
        VECTORS: not have_same_plans(
            model, replace(model, checkpoint=replace(checkpoint, pooling=None))
        ),
        TOKENIZER: model.optional_tokenizer is not None,
    }
    return (*weights.heads, *(part for part, is_there in there.items() if is_there))


def opened_without(model: LoadedModel, left_out: Collection[str]) -> LoadedModel:
    """The same without some of its parts.

    Raises InputError [part-unknown] for a part that is not there, [pooler-missing] where a head
    that stays reads the pooler.
    """
    there = parts_of(model)
    for part in left_out:
        if part not in there:
            raise InputError(
                "part-unknown",
                f"there is no {part!r} to leave out",
                why=f"the parts are {', '.join(there) or 'none'}",
                fix="Name one of these",
            )
    return model.with_checkpoint(
        replace(
            model.checkpoint,
            weights=_weights_without(model.weights, left_out),
            pooling=None if VECTORS in left_out else model.pooling,
        ),
        None if TOKENIZER in left_out else model.optional_tokenizer,
    )


def refuse_losses(before: LoadedModel, after: LoadedModel) -> None:
    """Raise InputError [unsupported-by-format] for parts that are gone."""
    there = parts_of(after)
    lost = [part for part in parts_of(before) if part not in there]
    if VECTORS in there and not have_same_plans(before, after):
        lost.append(VECTORS)
    if lost:
        raise InputError(
            "unsupported-by-format",
            f"{after.format} has no place for: {', '.join(lost)}",
            why="nothing is left out of a model in silence",
            fix=f"Leave it out: {' '.join(f'--without {part}' for part in lost)}, "
            "or choose another target",
        )


def have_same_plans(one: LoadedModel, other: LoadedModel) -> bool:
    """Whether both make the same vector of a text's token vectors."""
    return _same_plans(_settled(one), _settled(other))


def _weights_without(weights: Weights, left_out: Iterable[str]) -> Weights:
    heads = tuple(name for name in weights.heads if name not in left_out)
    pooler = weights.has_pooler and POOLER not in left_out
    readers = [name for name in heads if head(name).reads == "pooled"]
    if readers and weights.has_pooler and not pooler:
        raise InputError(
            "pooler-missing",
            "the pooler cannot be left out",
            why=f"the head {readers[0]} reads it",
            fix=f"Leave the head out too: --without {readers[0]}",
        )
    if heads == weights.heads and pooler == weights.has_pooler:
        return weights
    table = parameter_table(weights.config, heads, pooler=pooler)
    arrays = {row.name: weights.arrays[row.name] for row in table.stored}
    return Weights(weights.config, heads, arrays, weights.origin)


def _settled(model: LoadedModel) -> PoolingConfig:
    """The plan, the usual one where the place has none, with its length in numbers."""
    plan = model.pooling or PoolingConfig()
    positions = model.weights.config.max_position_embeddings
    return replace(plan, max_length=min(plan.max_length or positions, positions))


def _same_plans(first: PoolingConfig, second: PoolingConfig) -> bool:
    return replace(first, steps=()) == replace(second, steps=()) and (
        len(first.steps) == len(second.steps) and all(map(_same_steps, first.steps, second.steps))
    )


def _same_steps(one: VectorStep, other: VectorStep) -> bool:
    if not (isinstance(one, Dense) and isinstance(other, Dense)):
        return one == other
    return (
        one.activation == other.activation
        and np.array_equal(one.weight, other.weight)
        and (one.bias is None) == (other.bias is None)
        and (one.bias is None or other.bias is None or np.array_equal(one.bias, other.bias))
    )
