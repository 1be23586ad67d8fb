"""Which slots of a packed row see each other: those of the same text."""

from __future__ import annotations

from torch import Tensor


def packed_mask(owners: Tensor) -> Tensor:
    """owners: [R, W] number of each slot's text, -1 for empty. Returns bool [R, 1, W, W].

    Empty slots see each other, so that no row of scores is without a key.
    """
    return owners[:, None, :, None] == owners[:, None, None, :]
