"""The variables of TF Hub's BERT encoders: ALBERT's names, with one block for each layer.

Seen from ALBERT, a BERT is an encoder with as many groups as layers.
Source: Model Garden, official/nlp/modeling/networks/bert_encoder.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from albertkit.checkpoints.model_garden.names import (
    EMBEDDINGS,
    LAYER,
    POOLER,
    PREDICTIONS,
    PROJECTED,
)
from albertkit.checkpoints.names import Row
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import MASKED_LM
from albertkit.spec.parameters import make_layer_prefix

SHARED = "transformer/"  # what ALBERT's block is called


def name_block(layer: int) -> str:
    """What the block of a layer is called."""
    return f"{SHARED}layer_{layer}/"


def list_bert_variables(config: AlbertConfig, heads: tuple[str, ...] = ()) -> tuple[Row, ...]:
    """All variables: the encoder's, then those of `.mlm` where it is there."""
    projected = PROJECTED if config.embedding_size != config.hidden_size else ()
    layers = (row for layer in range(config.num_hidden_layers) for row in _list_layer(layer))
    predictions = PREDICTIONS if MASKED_LM.name in heads else ()
    return (*EMBEDDINGS, *projected, *layers, *POOLER, *predictions)


def _list_layer(number: int) -> Iterator[Row]:
    for row in LAYER:
        yield replace(
            row,
            canonical=row.canonical.replace(make_layer_prefix(0, 0), make_layer_prefix(number, 0)),
            foreign=row.foreign.replace(SHARED, name_block(number)),
        )
