"""A stand-in for a GPU: tensors that compute here, and otherwise act as those of another device.

Their device is cuda:0, numpy does not read them, and an operation that mixes them with tensors of
this machine fails, as it would on a GPU. So the code that moves data runs without a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

GPU = torch.device("cuda:0")
DEVICE_OF, GRADIENT_OF = (getattr(Tensor, name).__get__ for name in ("device", "grad"))
TO_NUMPY: tuple[object, ...] = (Tensor.numpy, Tensor.__array__)
MIXING = (Tensor.copy_, torch._has_compatible_shallow_copy_type)  # take tensors of two devices


class FarTensor(Tensor):
    """A tensor of the stand-in."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func == DEVICE_OF:
            return GPU
        if func in TO_NUMPY:
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        near = [
            leaf
            for leaf in tree_leaves((args, kwargs))
            if isinstance(leaf, Tensor) and not isinstance(leaf, FarTensor) and leaf.dim()
        ]
        if near and func not in MIXING:
            raise RuntimeError(f"{func}: expected all tensors to be on the same device")
        result = super().__torch_function__(func, types, args, kwargs or {})
        if func is Tensor.cpu:
            return result.as_subclass(Tensor)
        if func == GRADIENT_OF and result is not None:  # torch leaves it as it is
            return result.as_subclass(cls)
        return result


class FarDevice(TorchFunctionMode):
    """Makes a FarTensor of what is created on the GPU or moved to it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        def is_gpu(value: object) -> bool:
            return isinstance(value, torch.device) and value.type == "cuda"

        kwargs = kwargs or {}
        makes_tensor = func is not torch._C._nn._parse_to  # which reads arguments of Module.to
        if not makes_tensor or not any(map(is_gpu, tree_leaves((args, kwargs)))):
            return func(*args, **kwargs)
        near_args, near_kwargs = tree_map(
            lambda value: torch.device("cpu") if is_gpu(value) else value, (args, kwargs)
        )
        return func(*near_args, **near_kwargs).as_subclass(FarTensor)


@contextmanager
def far_device() -> Iterator[torch.device]:
    """Let cuda:0 be the stand-in; modules get parameters of it by `to`."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with FarDevice():
            yield GPU
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)
