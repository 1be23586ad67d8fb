"""Which device torch computes on, and its instructions."""

from __future__ import annotations

import torch

from albertkit.engine.processor import Processor, read_cpu_flags
from albertkit.errors import ResourceError

# Instructions that multiply bfloat16, as the operating system names them.
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def resolve_device(device: str) -> str:
    """Check a device, and choose one for "auto".

    Args:
        device: "auto" for a GPU if torch sees one, else the CPU; "cpu", "cuda" or "cuda:N".

    Returns:
        The device.

    Raises:
        ResourceError: [device-unavailable].
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if gpus else "cpu"
    target = torch.device(device)
    if target.type == "cuda" and (target.index or 0) >= gpus:
        for_gpus = torch.version.cuda or torch.version.hip
        raise ResourceError(
            "device-unavailable",
            f"device is {device!r}, and torch sees {gpus or 'no'} GPU{'s' if gpus > 1 else ''}",
            why=f"torch {torch.__version__} is built for {'GPUs' if for_gpus else 'CPUs only'}",
            fix="Take 'auto' or 'cpu', or install a driver and a torch for this GPU",
        )
    return device


def describe_torch_processor(device: str) -> Processor:
    """Describe what torch's engine multiplies at full speed on a device; it has no int8."""
    if device == "cpu":
        bfloat16 = not BFLOAT16_FLAGS.isdisjoint(read_cpu_flags() or ())
        name = "this processor"
    else:
        bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
        name = torch.cuda.get_device_name(device)
    return Processor(f"torch's engine on {name}", bfloat16, flags=frozenset())
