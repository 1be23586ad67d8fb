"""What this processor multiplies at full speed: bfloat16, and eight-bit integers.

bfloat16 is what OpenVINO says of itself. Of int8 it says that it can, which it always can; whether
it is fast and exact depends on instructions that only the system names.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from albertkit.engine.quiet_openvino import openvino

CPUINFO = Path("/proc/cpuinfo")
# Instructions that add products of a uint8 and an int8 in 32 bits, by their names in CPUINFO.
INT8_FLAGS = ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp")
WHOLE = 127  # levels of an int8 weight on each side of 0
# Without such instructions two products are added in 16 bits, and 2·255·64 just fits. OpenVINO
# 2026.4 too: at 127 levels sums of random numbers came out wrong by up to 5 %, at 64 none did.
WITHIN_16_BITS = 64


@dataclass(frozen=True, slots=True)
class Processor:
    """What is fast here, and how that is known; int8 is None where nobody says."""

    bfloat16: bool
    int8: bool | None
    seen: str

    @property
    def weight_levels(self) -> int:
        """Whole steps of a weight whose sums no instruction of this processor cuts off."""
        return WHOLE if self.int8 else WITHIN_16_BITS


def this_processor() -> Processor:
    """Imports openvino."""
    core = openvino().Core()
    name = core.get_property("CPU", "FULL_DEVICE_NAME")
    bfloat16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    int8, seen = int8_of(system_flags())
    said = "bfloat16" if bfloat16 else "no bfloat16"
    return Processor(bfloat16, int8, f"{name} has {said} (OpenVINO), and {seen}")


def int8_of(flags: frozenset[str] | None) -> tuple[bool | None, str]:
    """Whether a processor with these flags multiplies int8, in a word and in words."""
    if flags is None:
        return None, "its int8 instructions are not told by this system"
    found = next((flag for flag in INT8_FLAGS if flag in flags), None)
    return found is not None, f"int8 products ({found})" if found else "no int8 products"


def system_flags() -> frozenset[str] | None:
    """What the system says that the processor can; None where it doesn't say."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return frozenset({"asimddp"})  # every such Mac has it
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return flags_in(lines)


def flags_in(lines: list[str]) -> frozenset[str] | None:
    """The flags of the first processor in the lines of CPUINFO."""
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in {"flags", "Features"}:  # x86, arm64
            return frozenset(value.split())
    return None
