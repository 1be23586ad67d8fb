"""Choose engine, device and precision; what does not fit is refused before anything is read.

torch is imported only if it or a GPU is asked for, OpenVINO only for another precision than
float32.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

from albertkit.engine.precision import (
    PRECISION_NAMES,
    ChosenPrecision,
    PrecisionName,
    resolve_precision,
)
from albertkit.errors import InputError, ResourceError, import_extra
from albertkit.errors.arguments import check_choice
from albertkit.runtime.options import ENGINE_NAMES, EngineName

if TYPE_CHECKING:
    from albertkit.engine.processor import Processor

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
# The precisions of the engines that do not have all of them.
PRECISIONS: Mapping[EngineName, tuple[PrecisionName, ...]] = MappingProxyType(
    {"numpy": ("float32",), "torch": ("float32", "bfloat16")}
)


def detect_local_processor() -> Processor:
    """What this machine's processor supports; imports OpenVINO."""
    from albertkit.engine.processor import detect_processor

    return detect_processor()


@dataclass(frozen=True, slots=True)
class Placement:
    """An engine and its device: "cpu", "cuda" or "cuda:N" (torch's)."""

    engine: EngineName
    device: str

    def processor(self) -> Processor:
        """What the device supports; imports the engine's library."""
        if self.engine != "torch":
            return detect_local_processor()
        from albertkit.model.devices import describe_torch_processor

        return describe_torch_processor(self.device)


def choose_placement(
    engine: EngineName = "auto", device: str | None = None, *, deterministic: bool = False
) -> Placement:
    """Choose the engine and its device.

    Args:
        engine: As in LoadOptions.
        device: As in LoadOptions.
        deterministic: OpenVINO computes from the first text on, the only engine that can.

    Returns:
        An engine and a device that are there.

    Raises:
        InputError: [option-invalid].
        ResourceError: [extra-missing], [device-unavailable].
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
        return _place_deterministic(engine, device)
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
        return Placement("torch", _resolve_device(device or "auto"))
    if engine == "auto" and device == "auto" and find_spec("torch") is not None:
        resolved = _resolve_device("auto")
        return Placement("auto" if resolved == "cpu" else "torch", resolved)
    return Placement(engine, "cpu")


def choose_precision(
    precision: PrecisionName,
    engine: EngineName = "auto",
    processor: Callable[[], Processor] = detect_local_processor,
) -> ChosenPrecision:
    """Choose the precision that an engine computes in.

    Args:
        precision: As in LoadOptions. "auto" is float32 if OpenVINO cannot be imported.
        engine: As in LoadOptions.
        processor: What the device supports; called only if it matters.

    Returns:
        The precision, and the reason for it.

    Raises:
        InputError: [precision-unsupported], [option-invalid].
    """
    if engine == "numpy" and precision == "auto":
        return ChosenPrecision("float32", "numpy computes in nothing else")
    supported = PRECISIONS.get(engine, PRECISION_NAMES)
    if precision != "auto" and precision in PRECISION_NAMES and precision not in supported:
        raise InputError(
            "option-invalid",
            f"precision is {precision!r}, and {engine} is to compute",
            why=f"{engine} computes in {' and '.join(supported)} only",
            fix=f"Leave engine and device out, or ask for {supported[-1]}",
        )
    try:
        return resolve_precision(precision, processor)
    except ResourceError as error:
        if precision != "auto" or engine != "auto":
            raise
        return ChosenPrecision("float32", error.diagnostic.what)


def _place_deterministic(engine: EngineName, device: str | None) -> Placement:
    """OpenVINO on the CPU, or an error that names the argument that is in the way."""
    engine_fits = engine in {"auto", "openvino"}
    if not engine_fits or device not in {None, "auto", "cpu"}:
        name, value = ("device", device) if engine_fits else ("engine", engine)
        raise InputError(
            "option-invalid",
            f"deterministic is asked for, and {name} is {value!r}",
            why="only OpenVINO, on the CPU, computes each text as if it were alone",
            fix=f"Leave the {name} out, or deterministic",
        )
    return Placement("openvino", "cpu")


def _resolve_device(device: str) -> str:
    from albertkit.model.devices import resolve_device

    return resolve_device(device)
