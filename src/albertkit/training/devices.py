"""Where a run computes: one device, its precision, and its rank among several processes.

`torchrun --nproc-per-node N` starts N processes with RANK, WORLD_SIZE and LOCAL_RANK in their
environment; each computes its own batches, and the gradients are averaged.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from albertkit.model.devices import describe_torch_processor, resolve_device
from albertkit.training.recipe import Precision

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # Source: glibc malloc.h


def set_threads(count: int) -> None:
    """Let torch compute on `count` threads in this process."""
    torch.set_num_threads(count)


def keep_freed_memory() -> None:
    """Let this process keep the memory that a step frees, for the next step.

    glibc gives large blocks back to the system, which fills them with zeros when they are asked
    for again: 41,000 page faults and 4 to 11 % of a step of 4,096 slots at H312 L6. The largest
    memory of a run stays the same within 2 %. Other C libraries: nothing happens.

    A tuning does not call it: its arrays are below the 32 MB that glibc keeps by itself. A step of
    TREC takes 0.95 to 1.05 of its time with it, one of AG News 1.00, one of SQuAD 1.04 to 1.15.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


@dataclass(frozen=True, slots=True)
class TrainingDevice:
    """A process's device, precision and rank."""

    device: torch.device
    dtype: torch.dtype = torch.float32  # of the products; weights and their moments are float32
    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes checkpoints and logs."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[object]:
        """Compute products in `dtype`."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by their mean over all ranks."""
        if self.world_size == 1:
            return
        own = list(tensors)
        flat = torch.cat([tensor.flatten() for tensor in own])
        dist.all_reduce(flat)
        flat /= self.world_size
        first = 0
        for tensor in own:
            tensor.copy_(flat[first : first + tensor.numel()].view_as(tensor))
            first += tensor.numel()

    def largest(self, value: float) -> float:
        """The largest value of all ranks, so that they decide alike."""
        return max(self._gather(value))

    def total(self, value: float) -> float:
        """The sum of the values of all ranks."""
        return sum(self._gather(value))

    def _gather(self, value: float) -> list[float]:
        """The value of each rank."""
        if self.world_size == 1:
            return [value]
        values = torch.zeros(self.world_size, dtype=torch.float64, device=self.device)
        values[self.rank] = value
        dist.all_reduce(values)
        return [float(own) for own in values.tolist()]

    def copy_from_main(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by those of the first rank."""
        if self.world_size > 1:
            for tensor in tensors:
                dist.broadcast(tensor.detach(), 0)

    def leave(self) -> None:
        """Leave the group of ranks, at the end of a run."""
        if self.world_size > 1 and dist.is_initialized():
            dist.destroy_process_group()


def choose_training_device(device: str = "auto", precision: Precision = "auto") -> TrainingDevice:
    """The device and precision of this process, joined to the others if torchrun started it.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:N". Under torchrun "auto" and "cuda" mean the GPU
            of the local rank.
        precision: "auto" means bfloat16 if the device multiplies it at full speed.

    Raises:
        ResourceError: [device-unavailable].
    """
    rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    name = resolve_device(device)
    if world_size > 1 and name == "cuda":
        name = resolve_device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
    chosen = torch.device(name)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    if world_size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    if precision == "auto":
        precision = "bfloat16" if describe_torch_processor(name).bfloat16 else "float32"
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    return TrainingDevice(chosen, dtype, rank, world_size)
