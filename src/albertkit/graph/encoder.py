"""ALBERT's encoder and its heads, written once over any Emitter.

An Emitter has the few operations that ALBERT's arithmetic consists of. Each backend implements it:
numpy computes at once, OpenVINO and ONNX add nodes to a graph. Parameters are named by their
canonical names, so a shared layer's parameters exist once however often the layer runs.
Input of the encoder: ids, type ids and positions [R, W], and a mask. Output: token vectors
[R, W, H], or [K, H] if only K slots are read. Heads take only the vectors that they read, so the
vocabulary matrix is multiplied only at the positions that were asked for.
Source: google-research/albert modeling.py; sums in its order (word + type, then position).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from albertkit.spec import AlbertConfig, HeadSpec
from albertkit.spec.config_values import Activation
from albertkit.spec.parameters import WORD_TABLE, make_layer_prefix

# Added to the score of a key that a query must not attend to; its probability becomes exactly 0.
MASKED_SCORE = -1e4

X = TypeVar("X")  # a backend's float values: an array, or a node of its graph
I_contra = TypeVar("I_contra", contravariant=True)  # a backend's integer values


class Emitter(Protocol[X, I_contra]):
    """The operations of a backend; the last axis is the one of features."""

    def lookup(self, table: str, indices: I_contra) -> X:
        """Look up rows of `table` [K, E] by `indices` [R, W] → [R, W, E]."""
        ...

    def add(self, left: X, right: X) -> X:
        """Add two values elementwise."""
        ...

    def linear(self, x: X, weight: str, bias: str) -> X:
        """Compute x [.., in] · weightᵀ + bias → [.., out]; `weight` is [out, in]."""
        ...

    def norm(self, x: X, name: str) -> X:
        """Apply LayerNorm with `name`.weight and `name`.bias; epsilon as `get_norm_eps` says."""
        ...

    def activate(self, x: X, kind: Activation) -> X:
        """Apply an activation function elementwise."""
        ...

    def attention(self, query: X, key: X, value: X, mask: X) -> X:
        """Compute softmax(q·kᵀ / √D + mask)·v of each head, and concatenate the heads.

        Args:
            query: [R, W, H].
            key: [R, W, H].
            value: [R, W, H].
            mask: Broadcasts to [R, A, W, W]; 0 for keys to attend to, MASKED_SCORE for others.

        Returns:
            [R, W, H].
        """
        ...


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
    """Compute the token vectors after the last layer.

    Args:
        emit: The backend.
        config: The model's config.
        ids: [R, W].
        type_ids: [R, W].
        positions: [R, W].
        mask: As of `Emitter.attention`.
        read: Takes the slots to be read, [R, W, H] → [K, H]; what follows the last attention is
            computed for these only. None: all slots.

    Returns:
        [R, W, H], or [K, H] with `read`.
    """
    x = emit_embeddings(emit, ids, type_ids, positions)  # [R, W, H]
    *prefixes, last = list_layer_prefixes(config)
    for prefix in prefixes:
        x = emit_layer(emit, config, x, mask, prefix)  # [R, W, H]
    return emit_layer(emit, config, x, mask, last, read=read)


def list_layer_prefixes(config: AlbertConfig) -> list[str]:
    """List the prefixes of the layers' parameters in the order in which the layers run."""
    return [
        make_layer_prefix(config.group_of(layer), inner)
        for layer in range(config.num_hidden_layers)
        for inner in range(config.inner_group_num)
    ]


def emit_embeddings(
    emit: Emitter[X, I_contra], ids: I_contra, type_ids: I_contra, positions: I_contra
) -> X:
    """Compute the first layer's input: three lookups, LayerNorm, and the projection E → H.

    Args:
        emit: The backend.
        ids: [R, W].
        type_ids: [R, W].
        positions: [R, W].

    Returns:
        [R, W, H].
    """
    words = emit.lookup(WORD_TABLE, ids)  # [R, W, E]
    types = emit.lookup("embeddings.token_type_embeddings.weight", type_ids)
    position_vectors = emit.lookup("embeddings.position_embeddings.weight", positions)
    x = emit.norm(emit.add(emit.add(words, types), position_vectors), "embeddings.LayerNorm")
    name = "encoder.embedding_hidden_mapping_in"
    return emit.linear(x, f"{name}.weight", f"{name}.bias")  # [R, W, H]


def emit_layer(
    emit: Emitter[X, I_contra],
    config: AlbertConfig,
    x: X,
    mask: X,
    prefix: str,
    *,
    read: Callable[[X], X] | None = None,
) -> X:
    """Run one layer.

    Args:
        emit: The backend.
        config: The model's config.
        x: The layer's input [R, W, H].
        mask: As of `Emitter.attention`.
        prefix: Of the names of the layer's parameters.
        read: As of `emit_encoder`.

    Returns:
        [R, W, H], or [K, H] with `read`.
    """
    attention, ffn = f"{prefix}attention", f"{prefix}ffn"
    query = emit.linear(x, f"{attention}.query.weight", f"{attention}.query.bias")  # [R, W, H]
    key = emit.linear(x, f"{attention}.key.weight", f"{attention}.key.bias")  # [R, W, H]
    value = emit.linear(x, f"{attention}.value.weight", f"{attention}.value.bias")  # [R, W, H]
    context = emit.attention(query, key, value, mask)  # [R, W, H]
    if read is not None:
        context, x = read(context), read(x)  # [K, H]
    attended = emit.linear(context, f"{attention}.dense.weight", f"{attention}.dense.bias")
    x = emit.norm(emit.add(x, attended), f"{attention}.LayerNorm")
    hidden = emit.linear(x, f"{ffn}.weight", f"{ffn}.bias")  # [R, W, F]
    hidden = emit.activate(hidden, config.activation)
    output = emit.linear(hidden, f"{ffn}_output.weight", f"{ffn}_output.bias")
    return emit.norm(emit.add(x, output), f"{prefix}full_layer_layer_norm")


def emit_pooler(emit: Emitter[X, I_contra], first: X) -> X:
    """Compute pooled vectors [N, H] of the texts' first token vectors [N, H]."""
    return emit.activate(emit.linear(first, "pooler.weight", "pooler.bias"), "tanh")


def emit_masked_lm_head(emit: Emitter[X, I_contra], config: AlbertConfig, vectors: X) -> X:
    """Compute logits over the vocabulary.

    Args:
        emit: The backend.
        config: The model's config.
        vectors: Token vectors [P, H].

    Returns:
        [P, V]. The vocabulary matrix is the word embeddings, which multiply vectors of width E.
    """
    x = emit.linear(vectors, "predictions.dense.weight", "predictions.dense.bias")  # [P, E]
    x = emit.norm(emit.activate(x, config.activation), "predictions.LayerNorm")
    return emit.linear(x, WORD_TABLE, "predictions.bias")  # [P, V]


def emit_linear_head(emit: Emitter[X, I_contra], spec: HeadSpec, vectors: X) -> X:
    """Compute the logits of a linear head: [N, H] → [N, C], or [T, H] → [T, C]."""
    return emit.linear(vectors, f"{spec.prefix}.weight", f"{spec.prefix}.bias")
