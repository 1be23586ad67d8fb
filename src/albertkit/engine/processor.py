"""What this processor multiplies at full speed: bfloat16, and 8-bit integers.

From what the operating system lists. Where it lists nothing (Windows), OpenVINO reports bfloat16.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from albertkit.engine.openvino_library import get_core

CPUINFO = Path("/proc/cpuinfo")
# Instructions that add products of two bytes in 32 bits, as CPUINFO names them: x86, arm64.
INT8_FLAGS = ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp")
BFLOAT16_FLAGS = ("amx_bf16", "avx512_bf16")


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor and its instructions.

    Attributes:
        name: As the operating system, OpenVINO or torch names it.
        bfloat16: Whether it has bfloat16 instructions.
        flags: Its instructions as the operating system names them; None if unknown.
    """

    name: str
    bfloat16: bool
    flags: frozenset[str] | None

    @property
    def int8(self) -> bool | None:
        """Whether it has int8 instructions; None if unknown, and then assumed."""
        return None if self.flags is None else self._int8_flag is not None

    def describe_bfloat16(self) -> str:
        """Say whether it has bfloat16 instructions."""
        return f"{self.name} has {'' if self.bfloat16 else 'no '}bfloat16 instructions"

    def describe_int8(self) -> str:
        """Say whether it has int8 instructions."""
        if self.flags is None:
            return f"{self.name} is assumed to have int8 instructions, as this system lists none"
        if not self.int8:
            return f"{self.name} has no int8 instructions"
        return f"{self.name} has int8 instructions ({self._int8_flag})"

    @property
    def _int8_flag(self) -> str | None:
        return next((flag for flag in INT8_FLAGS if flag in (self.flags or ())), None)


def detect_processor() -> Processor:
    """Detect this processor; imports openvino if the operating system lists no instructions.

    Raises:
        ResourceError: [extra-missing], [engine-unavailable] if openvino cannot be asked then.
    """
    flags = read_cpu_flags()
    if flags is not None:
        has_bfloat16 = any(flag in flags for flag in BFLOAT16_FLAGS)
        return Processor(_read_name() or "this processor", has_bfloat16, flags)
    core = get_core()
    return Processor(
        core.get_property("CPU", "FULL_DEVICE_NAME"),
        "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
        None,
    )


def read_cpu_flags() -> frozenset[str] | None:
    """Read the instructions that the operating system lists; None if it lists none."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return frozenset({"asimddp"})  # every such Mac has it
    try:
        return parse_cpu_flags(CPUINFO.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None


def _read_name() -> str:
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    values = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return next(values, "").strip()


def parse_cpu_flags(cpuinfo: str) -> frozenset[str] | None:
    """Parse the flags of the first processor in the text of CPUINFO; None if there are none."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"flags", "Features"}:  # x86, arm64
            return frozenset(value.split())
    return None
