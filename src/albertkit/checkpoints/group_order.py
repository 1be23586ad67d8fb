"""Layers that get another group in google's code or in transformers.

We take the group ⌊layer·G / L⌋ in whole numbers. Theirs come out of floating point, which falls
below a whole number in some configurations: google's first at (L 22, G 22), transformers' first
at (L 18, G 14). Published models have one group.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from albertkit.spec import AlbertConfig

Rule: TypeAlias = Callable[[int, int, int], int]


def by_google(layer: int, layers: int, groups: int) -> int:
    """Source: google-research/albert, modeling.py, transformer_model."""
    return int(layer / layers * groups)


def by_transformers(layer: int, layers: int, groups: int) -> int:
    """Source: transformers, modeling_albert.py, AlbertTransformer."""
    return int(layer / (layers / groups))


def other_order(config: AlbertConfig, rule: Rule) -> str | None:
    """The first layer to which a rule gives another group than ours, in words; None: none."""
    layers, groups = config.num_hidden_layers, config.num_hidden_groups
    for layer in range(layers):
        theirs, ours = rule(layer, layers, groups), config.group_of(layer)
        if theirs != ours:
            return f"layer {layer} gets the group {theirs}, where {ours} is right"
    return None
