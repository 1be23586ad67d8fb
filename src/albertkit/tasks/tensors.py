"""torch tensors for those who ask for them; this room never needs torch itself."""

from __future__ import annotations

from importlib import import_module
from typing import TypeAlias

from albertkit.errors import extra_missing
from albertkit.spec import FloatArray

Tensor: TypeAlias = object  # torch.Tensor, which type checkers of a light install don't know


def as_tensor(array: FloatArray) -> Tensor:
    """The array as a torch tensor in the same memory.

    Raises SurroundingsError [extra-missing] without torch.
    """
    try:
        torch = import_module("torch")
    except ModuleNotFoundError as error:
        raise extra_missing("torch", "convert_to_tensor=True") from error
    tensor: Tensor = torch.from_numpy(array)
    return tensor
