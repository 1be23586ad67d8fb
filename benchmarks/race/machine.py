"""What bounds the figures of this machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def this_machine() -> dict[str, str]:
    cpu: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        cpu.setdefault(key.strip(), value.strip())
    flags = cpu["flags"].split()
    wide = [name for name in ("amx_bf16", "avx512_bf16", "avx512_vnni", "avx512f") if name in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{cpu['model name']}, family {cpu['cpu family']}, model {cpu['model']}",
        "processors": str(len(os.sched_getaffinity(0))),
        "instructions": ", ".join(wide) or ("avx2" if "avx2" in flags else "no avx2"),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }
