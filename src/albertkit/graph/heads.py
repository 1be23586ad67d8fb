"""The heads on top of the encoder, written once over any Emitter: pooler, masked LM, linear heads.

All take only the vectors that they read, so the vocabulary matrix is multiplied only at the
positions that were asked for.
"""

from __future__ import annotations

from albertkit.graph.emitter import Emitter, I_contra, X
from albertkit.spec import AlbertConfig, HeadSpec
from albertkit.spec.parameters import WORD_TABLE


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
