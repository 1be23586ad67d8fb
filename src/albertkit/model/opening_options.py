"""Check the arguments with which a model is opened: classes, dtype and device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import torch

from albertkit.errors import InputError
from albertkit.errors.exceptions import take_first_line
from albertkit.model.devices import resolve_device
from albertkit.spec import AlbertConfig

DTYPES = MappingProxyType(
    {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
)
AUTOMATIC_DEVICE_MAPS = ("auto", "balanced", "balanced_low_0", "sequential")


def name_classes(
    config: AlbertConfig,
    count: int | None,
    id2label: Mapping[int, str] | None = None,
    label2id: Mapping[str, int] | None = None,
) -> AlbertConfig:
    """Set the classes of a config.

    Args:
        config: Any config.
        count: Number of classes; the config's own names are kept if they are as many.
        id2label: Names by number.
        label2id: Numbers by name; used if there is no `id2label`.

    Returns:
        The config itself if nothing changes.

    Raises:
        InputError: [model-argument-invalid], [config-value-invalid].
    """
    if id2label is None and label2id is not None:
        id2label = {number: label for label, number in label2id.items()}
    if count is not None and (count < 1 or (id2label is not None and len(id2label) != count)):
        raise InputError(
            "model-argument-invalid",
            f"num_labels is {count}",
            why=f"there are {len(id2label)} labels" if id2label else "a head has 1 class or more",
            fix="Give the number of classes",
        )
    if id2label is not None:
        return replace(config, id2label={int(number): id2label[number] for number in id2label})
    if count is None or count == config.num_labels:
        return config
    return replace(config, id2label={number: f"LABEL_{number}" for number in range(count)})


def choose_dtype(
    dtype: str | torch.dtype | None, torch_dtype: str | torch.dtype | None, config: AlbertConfig
) -> str | torch.dtype:
    """Choose the type of the parameters.

    Args:
        dtype: A type, "auto" for the one in the config, or None for float32.
        torch_dtype: The old name of `dtype`.
        config: The checkpoint's config.

    Returns:
        A type or its name.

    Raises:
        InputError: [model-argument-invalid] if both are given and differ.
    """
    if dtype is not None and torch_dtype is not None and dtype != torch_dtype:
        raise InputError(
            "model-argument-invalid",
            f"dtype is {dtype!r} and torch_dtype is {torch_dtype!r}",
            why="torch_dtype is the old name of dtype",
            fix="Give only dtype",
        )
    choice = dtype or torch_dtype or "float32"
    if choice != "auto":
        return choice
    saved = str(config.extra.get("dtype") or config.extra.get("torch_dtype"))
    return saved if saved in DTYPES else "float32"


def check_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """Return a floating-point type of torch; raises InputError [model-argument-invalid]."""
    torch_type = DTYPES.get(dtype) if isinstance(dtype, str) else dtype
    if torch_type is None or torch_type not in DTYPES.values():
        raise InputError(
            "model-argument-invalid",
            f"dtype is {dtype!r}",
            why=f"known are {', '.join(DTYPES)}",
            fix="Choose one of these",
        )
    return torch_type


def read_device_map(device_map: str | Mapping[str, str | int]) -> str:
    """Return the one device of transformers' device_map.

    Args:
        device_map: "auto" and its like for a GPU if there is one, a device, or module → device.

    Returns:
        A device of torch.

    Raises:
        InputError: [model-argument-invalid] for more than one device.
    """
    devices = {device_map} if isinstance(device_map, str) else set(device_map.values())
    if len(devices) != 1:
        raise InputError(
            "model-argument-invalid",
            f"device_map names {len(devices)} devices",
            why="the layers of an ALBERT share parameters, so the model is on one device",
            fix="Give device_map='auto' or device='cuda'",
        )
    device = str(devices.pop())
    if device in AUTOMATIC_DEVICE_MAPS:
        return resolve_device("auto")
    return f"cuda:{device}" if device.isdecimal() else device


def check_device(device: str | torch.device) -> torch.device:
    """Return a device that exists; raises InputError [model-argument-invalid]."""
    try:
        target = torch.device(device)
        torch.empty(0, device=target)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            "model-argument-invalid",
            f"device is {str(device)!r}, which is not available",
            why=take_first_line(error),
            fix="Choose 'cpu', or a device that torch sees",
        ) from error
    return target
