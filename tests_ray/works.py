"""Work for tests without a model: a worker makes a shard, fails or dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from albertkit.errors import FormatError, ResourceError


@dataclass(frozen=True, slots=True)
class Fateful:
    """Answers a shard's number with its double; what befalls those of a `fated` number."""

    fate: Literal["death", "invalid row", "full disk"] | None = None
    fated: tuple[int, ...] = ()

    def open(self) -> Callable[[int], int]:
        return self.make

    def make(self, shard: int) -> int:
        if shard in self.fated:
            match self.fate:
                case "death":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "invalid row":
                    raise FormatError("row-malformed", "row 7 holds null", where="a.parquet")
                case "full disk":
                    raise ResourceError("write-failed", "the disk is full", fix="Free space")
        return 2 * shard


class GpusSeen:
    """Answers with the GPUs that the worker may use."""

    def open(self) -> Callable[[int], str]:
        return lambda shard: os.environ.get("CUDA_VISIBLE_DEVICES", "")
