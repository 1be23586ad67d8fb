"""torch tensors for those who ask for them; this room never needs torch itself."""

from __future__ import annotations

from typing import TypeAlias

from albertkit.arrays import FloatArray
from albertkit.errors import import_extra

Tensor: TypeAlias = object  # torch.Tensor, which type checkers of a light install don't know


def as_tensor(array: FloatArray) -> Tensor:
    """The array as a torch tensor in the same memory.

    Raises ResourceError [extra-missing] without torch.
    """
    tensor: Tensor = import_extra("torch", "convert_to_tensor=True").from_numpy(array)
    return tensor
