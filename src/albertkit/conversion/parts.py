"""The parts of a model that a format may not support, and that are never dropped silently.

A part is a head by its name, the pooler, the pooling of text vectors, a classifier on them, or the
tokenizer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from albertkit.errors import InputError
from albertkit.runtime.loaded_model import LoadedModel
from albertkit.spec import Weights, parameter_table
from albertkit.spec.heads import head
from albertkit.spec.pooling_config import PoolingConfig, VectorStep

POOLER, VECTORS, CLASSIFIER, TOKENIZER = "pooler", "vectors", "classifier", "tokenizer"


def list_parts(model: LoadedModel) -> tuple[str, ...]:
    """Return a model's parts by name; the default pooling is not a part."""
    weights, checkpoint = model.weights, model.checkpoint
    is_present = {
        POOLER: weights.has_pooler,
        VECTORS: not have_same_pooling(
            model, replace(model, checkpoint=replace(checkpoint, pooling=None))
        ),
        CLASSIFIER: checkpoint.vector_head is not None,
        TOKENIZER: model.optional_tokenizer is not None,
    }
    return (*weights.heads, *(part for part, present in is_present.items() if present))


def remove_parts(model: LoadedModel, names: Collection[str]) -> LoadedModel:
    """Return the model without some of its parts.

    Args:
        model: the model.
        names: the parts to remove.

    Raises:
        InputError: [part-unknown] for a part that the model does not have, [pooler-missing] if
            a remaining head reads the pooler.
    """
    parts = list_parts(model)
    for part in names:
        if part not in parts:
            raise InputError(
                "part-unknown",
                f"the model has no part {part!r}",
                why=f"the parts are {', '.join(parts) or 'none'}",
                fix="Name one of these",
            )
    return model.with_checkpoint(
        replace(
            model.checkpoint,
            weights=_remove_heads(model.weights, names),
            pooling=None if VECTORS in names else model.pooling,
            vector_head=None if CLASSIFIER in names else model.checkpoint.vector_head,
        ),
        None if TOKENIZER in names else model.optional_tokenizer,
    )


def check_no_loss(before: LoadedModel, after: LoadedModel) -> None:
    """Check that a written model has all parts of its source.

    Raises:
        InputError: [unsupported-by-format].
    """
    parts = list_parts(after)
    lost = [part for part in list_parts(before) if part not in parts]
    if VECTORS in parts and not have_same_pooling(before, after):
        lost.append(VECTORS)
    if lost:
        another = "choose another target"
        if CLASSIFIER in lost:  # of text vectors
            another += (
                " (onnx), or tune a model with a pooler, whose head every format of heads holds"
                " (albertkit finetune DATA --model small-en --contenders tune)"
            )
        raise InputError(
            "unsupported-by-format",
            f"{after.format} does not support: {', '.join(lost)}",
            why="no part of a model is dropped silently",
            fix=f"Leave it out: {' '.join(f'--without {part}' for part in lost)}, or {another}",
        )


def have_same_pooling(one: LoadedModel, other: LoadedModel) -> bool:
    """Return whether both compute the same text vector from token vectors."""
    first, second = _resolve_pooling(one), _resolve_pooling(other)
    return replace(first, steps=()) == replace(second, steps=()) and (
        len(first.steps) == len(second.steps)
        and all(map(_are_same_module, first.steps, second.steps))
    )


def _remove_heads(weights: Weights, names: Collection[str]) -> Weights:
    heads = tuple(name for name in weights.heads if name not in names)
    pooler = weights.has_pooler and POOLER not in names
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


def _resolve_pooling(model: LoadedModel) -> PoolingConfig:
    """The model's pooling, or the default, with its maximum length as a number."""
    return replace(model.pooling or PoolingConfig(), max_length=model.max_length)


def _are_same_module(one: VectorStep, other: VectorStep) -> bool:
    return (
        type(one) is type(other)
        and getattr(one, "activation", None) == getattr(other, "activation", None)
        and one.arrays.keys() == other.arrays.keys()
        and all(np.array_equal(array, other.arrays[name]) for name, array in one.arrays.items())
    )
