"""ALBERT's encoder, once, over any Emitter.

In: ids, type ids and positions [R, W], and a mask. Out: token vectors [R, W, H], or [K, H] where
only K slots are read.
Source: google-research/albert modeling.py; order of the sums as there (word + type, then position).
"""

from __future__ import annotations

from collections.abc import Callable

from albertkit.graph.emitter import Emitter, I_contra, X
from albertkit.spec import AlbertConfig
from albertkit.spec.parameters import WORD_TABLE, layer_prefix


def emit_encoder(
    emit: Emitter[X, I_contra],
    config: AlbertConfig,
    *,
    ids: I_contra,
    type_ids: I_contra,
    positions: I_contra,
    mask: X,
    read: Callable[[X], X] | None = None,
) -> X:
    """Token vectors after the last repetition.

    read: takes the slots that are read, [R, W, H] → [K, H], and what follows the last attention
    is computed for these alone; None: all are read.
    """
    x = emit_embeddings(emit, ids, type_ids, positions)  # [R, W, H]
    *passes, last = list_layer_prefixes(config)
    for at in passes:
        x = emit_layer(emit, config, x, mask, at)  # [R, W, H]
    return emit_layer(emit, config, x, mask, last, read=read)


def list_layer_prefixes(config: AlbertConfig) -> list[str]:
    """The prefixes of the layers' parameters in the order in which the layers run."""
    return [
        layer_prefix(config.group_of(repetition), inner)
        for repetition in range(config.num_hidden_layers)
        for inner in range(config.inner_group_num)
    ]


def emit_embeddings(
    emit: Emitter[X, I_contra], ids: I_contra, type_ids: I_contra, positions: I_contra
) -> X:
    """What enters the first layer: three lookups, a norm, and the step from E to H."""
    words = emit.lookup(WORD_TABLE, ids)  # [R, W, E]
    types = emit.lookup("embeddings.token_type_embeddings.weight", type_ids)
    places = emit.lookup("embeddings.position_embeddings.weight", positions)
    x = emit.norm(emit.add(emit.add(words, types), places), "embeddings.LayerNorm")
    return _linear(emit, x, "encoder.embedding_hidden_mapping_in")  # [R, W, H]


def emit_layer(
    emit: Emitter[X, I_contra],
    config: AlbertConfig,
    x: X,
    mask: X,
    at: str,
    *,
    read: Callable[[X], X] | None = None,
) -> X:
    """One pass through the layer whose parameters' names begin with `at`.

    read: as of `encoder`.
    """
    query = _linear(emit, x, f"{at}attention.query")  # [R, W, H]
    key = _linear(emit, x, f"{at}attention.key")  # [R, W, H]
    value = _linear(emit, x, f"{at}attention.value")  # [R, W, H]
    context = emit.attention(query, key, value, mask)  # [R, W, H]
    if read is not None:
        context, x = read(context), read(x)  # [K, H]
    x = emit.norm(
        emit.add(x, _linear(emit, context, f"{at}attention.dense")), f"{at}attention.LayerNorm"
    )
    wide = emit.activate(_linear(emit, x, f"{at}ffn"), config.activation)  # [R, W, F]
    return emit.norm(
        emit.add(x, _linear(emit, wide, f"{at}ffn_output")), f"{at}full_layer_layer_norm"
    )


def _linear(emit: Emitter[X, I_contra], x: X, name: str) -> X:
    return emit.linear(x, f"{name}.weight", f"{name}.bias")
