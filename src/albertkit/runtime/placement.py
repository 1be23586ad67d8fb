"""Which engine on which device: refused before anything is loaded where they do not fit.

torch is imported only where it or a GPU was asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from albertkit.errors import InputError, import_extra
from albertkit.errors.arguments import check_choice
from albertkit.runtime.options import ENGINE_NAMES, EngineName
from albertkit.runtime.precision import processor_here

if TYPE_CHECKING:
    from albertkit.engine.processor import Processor

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


@dataclass(frozen=True, slots=True)
class Placement:
    """An engine, and the device that it computes on: "cpu", "cuda" or "cuda:N" (torch's)."""

    engine: EngineName
    device: str

    def processor(self) -> Processor:
        """What the device can, as the engine knows it; imports the engine's library."""
        if self.engine != "torch":
            return processor_here()
        from albertkit.model.devices import describe_torch_processor

        return describe_torch_processor(self.device)


def placed(
    engine: EngineName = "auto", device: str | None = None, *, deterministic: bool = False
) -> Placement:
    """The engine and device that were asked for, where both are here.

    deterministic: OpenVINO from the first text to the last, which alone can do it.
    device: "auto", and None for the engine torch, is a GPU where torch sees one, else the CPU;
    None is the CPU for all others.
    Raises InputError [option-invalid], ResourceError [extra-missing], [device-unavailable].
    """
    check_choice("engine", engine, ENGINE_NAMES)
    if device is not None and not (isinstance(device, str) and DEVICE.fullmatch(device)):
        raise InputError(
            "option-invalid",
            f"device is {device!r}",
            why="known are 'auto', 'cpu', 'cuda', and 'cuda:0', 'cuda:1', … for one of several",
            fix="Take one of these",
        )
    if deterministic:
        return _deterministic(engine, device)
    on_gpu = device is not None and device.startswith("cuda")
    if on_gpu and engine not in {"auto", "torch"}:
        raise InputError(
            "option-invalid",
            f"device is {device!r} and engine is {engine!r}",
            why=f"{engine} computes on the CPU",
            fix="Leave the engine out, or take 'torch'",
        )
    if engine == "torch" or on_gpu:
        import_extra("torch", f"device={device!r}" if on_gpu else "engine='torch'")
        return Placement("torch", _here(device or "auto"))
    if engine == "auto" and device == "auto" and find_spec("torch") is not None:
        found = _here("auto")
        return Placement("auto" if found == "cpu" else "torch", found)
    return Placement(engine, "cpu")


def _deterministic(engine: EngineName, device: str | None) -> Placement:
    able = engine in {"auto", "openvino"}
    if not able or device not in {None, "auto", "cpu"}:
        name, value = ("device", device) if able else ("engine", engine)
        raise InputError(
            "option-invalid",
            f"deterministic is asked for, and {name} is {value!r}",
            why="only OpenVINO, on the CPU, computes each text as if it were alone",
            fix=f"Leave the {name} out, or deterministic",
        )
    return Placement("openvino", "cpu")


def _here(device: str) -> str:
    from albertkit.model.devices import resolve_device

    return resolve_device(device)
