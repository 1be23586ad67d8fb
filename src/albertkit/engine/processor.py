"""What this processor multiplies at full speed: bfloat16, and integers of eight bits.

bfloat16 is what OpenVINO says of itself. Of int8 it says that it can, which it always can; whether
its sums are whole there depends on instructions that only the system names.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from albertkit.engine.openvino_library import openvino
from albertkit.graph.quantization import QMAX, REDUCED_QMAX

CPUINFO = Path("/proc/cpuinfo")
# Instructions that add products of two bytes in 32 bits, by their names in CPUINFO: x86, arm64.
INT8_FLAGS = ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp")


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor's name, and what it can.

    flags: its instructions as the system names them; None where the system doesn't.
    """

    name: str
    bfloat16: bool
    flags: frozenset[str] | None

    @property
    def int8(self) -> bool | None:
        """None: nobody says. It is then taken to have them, and asked for no larger sums."""
        return None if self.flags is None else self._int8_flag is not None

    @property
    def weight_qmax(self) -> int:
        """Whole steps of a weight whose sums no instruction of this processor cuts off."""
        return QMAX if self.int8 else REDUCED_QMAX

    def of_bfloat16(self) -> str:
        """What is said of bfloat16."""
        return f"{self.name} has {'' if self.bfloat16 else 'no '}bfloat16 instructions"

    def of_int8(self) -> str:
        """What is said of int8."""
        if self.flags is None:
            return f"{self.name} is taken to have int8 instructions, as this system names none"
        if not self.int8:
            return f"{self.name} has no int8 instructions"
        return f"{self.name} has int8 instructions ({self._int8_flag})"

    @property
    def _int8_flag(self) -> str | None:
        return next((flag for flag in INT8_FLAGS if flag in (self.flags or ())), None)


def detect_processor() -> Processor:
    """Imports openvino."""
    core = openvino().Core()
    return Processor(
        core.get_property("CPU", "FULL_DEVICE_NAME"),
        "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
        read_cpu_flags(),
    )


def read_cpu_flags() -> frozenset[str] | None:
    """The instructions that the system names; None where it doesn't."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return frozenset({"asimddp"})  # every such Mac has it
    try:
        return parse_cpu_flags(CPUINFO.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None


def parse_cpu_flags(cpuinfo: str) -> frozenset[str] | None:
    """The flags of the first processor of CPUINFO."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"flags", "Features"}:  # x86, arm64
            return frozenset(value.split())
    return None
