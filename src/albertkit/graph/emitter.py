"""Emitter: the few operations of which ALBERT's arithmetic consists.

`encoder.py` and `heads.py` are written over this Protocol, and each backend fills it in: numpy
computes at once, OpenVINO adds nodes to a graph. Parameters are asked for by their canonical
names, so a shared layer is named, and held, once however often it runs.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from albertkit.spec.config_values import Activation

MASKED_SCORE = -1e4  # in a mask: added to a score, it makes the share in the softmax 0, exactly

X = TypeVar("X")  # what a backend hands around for floats: an array, or a node of its graph
I_contra = TypeVar("I_contra", contravariant=True)  # the same for whole numbers


class Emitter(Protocol[X, I_contra]):
    """What a backend must be able to do; the last axis is the one that holds features."""

    def lookup(self, table: str, indices: I_contra) -> X:
        """Rows of `table` [K, E] at `indices` [R, W] → [R, W, E]."""
        ...

    def add(self, left: X, right: X) -> X: ...

    def linear(self, x: X, weight: str, bias: str) -> X:
        """x [.., in] · weightᵀ + bias; weight is [out, in] → [.., out]."""
        ...

    def norm(self, x: X, name: str) -> X:
        """Layer norm over the last axis, with `name`.weight and `name`.bias, by `norm_eps`."""
        ...

    def activate(self, x: X, kind: Activation) -> X: ...

    def attention(self, query: X, key: X, value: X, mask: X) -> X:
        """softmax(q·kᵀ / √D + mask)·v of each head, heads side by side: [R, W, H] → [R, W, H].

        mask: broadcasts to [R, A, W, W]; 0 where a slot may look, MASKED_SCORE elsewhere.
        """
        ...
