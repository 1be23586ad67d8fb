"""What stands on the encoder, once, over any Emitter: pooler, masked words, linear heads.

All take the vectors that they are to read and nothing else, so that the vocabulary matrix meets
only the positions somebody asked about.
"""

from __future__ import annotations

from albertkit.graph.emitter import Emitter, I_contra, X
from albertkit.spec import AlbertConfig, HeadSpec
from albertkit.spec.parameters import WORD_TABLE


def emit_pooler(emit: Emitter[X, I_contra], first: X) -> X:
    """The pooled vectors [N, H] of texts whose first token vectors are `first` [N, H]."""
    return emit.activate(emit.linear(first, "pooler.weight", "pooler.bias"), "tanh")


def emit_masked_lm_head(emit: Emitter[X, I_contra], config: AlbertConfig, vectors: X) -> X:
    """Logits [P, V] of every piece of the vocabulary at the tokens with `vectors` [P, H].

    The vocabulary matrix is the word table itself, so it reads vectors of width E.
    """
    x = emit.linear(vectors, "predictions.dense.weight", "predictions.dense.bias")  # [P, E]
    x = emit.norm(emit.activate(x, config.activation), "predictions.LayerNorm")
    return emit.linear(x, WORD_TABLE, "predictions.bias")  # [P, V]


def emit_linear_head(emit: Emitter[X, I_contra], spec: HeadSpec, vectors: X) -> X:
    """Logits of a head that is linear on what it reads: [N, H] → [N, C], or [T, H] → [T, C]."""
    return emit.linear(vectors, f"{spec.prefix}.weight", f"{spec.prefix}.bias")
