"""Emitter: the few operations that ALBERT's arithmetic consists of.

`encoder.py` and `heads.py` are written over this Protocol. Each backend implements it: numpy
computes at once, OpenVINO and ONNX add nodes to a graph. Parameters are named by their canonical
names, so a shared layer's parameters exist once however often the layer runs.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from albertkit.spec.config_values import Activation

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
        """Apply LayerNorm with `name`.weight and `name`.bias; epsilon as `norm_eps` says."""
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
