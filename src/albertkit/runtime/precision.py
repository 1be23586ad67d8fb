"""Which precision an engine computes in: what was asked for, held against what both can."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from albertkit.engine.precision import (
    PRECISION_NAMES,
    ChosenPrecision,
    PrecisionName,
    precision_for,
)
from albertkit.errors import InputError, ResourceError
from albertkit.runtime.options import EngineName

if TYPE_CHECKING:
    from albertkit.engine.processor import Processor

__all__ = ["ChosenPrecision", "PrecisionName", "choose_precision"]

# What engines beside OpenVINO compute in.
OTHERS: Mapping[EngineName, tuple[PrecisionName, ...]] = MappingProxyType(
    {"numpy": ("float32",), "torch": ("float32", "bfloat16")}
)


def processor_here() -> Processor:
    """What this machine's can, as OpenVINO knows it, which is imported."""
    from albertkit.engine.processor import detect_processor  # float32 asks no processor

    return detect_processor()


def choose_precision(
    asked: PrecisionName,
    engine: EngineName = "auto",
    processor: Callable[[], Processor] = processor_here,
) -> ChosenPrecision:
    """Raises InputError [precision-unsupported], [option-invalid].

    Where OpenVINO cannot be imported, "auto" is float32, and the engine that stands in computes it.
    """
    if engine == "numpy" and asked == "auto":
        return ChosenPrecision("float32", "numpy computes in nothing else")
    able = OTHERS.get(engine, PRECISION_NAMES)
    if asked != "auto" and asked in PRECISION_NAMES and asked not in able:
        raise InputError(
            "option-invalid",
            f"precision is {asked!r}, and {engine} is to compute",
            why=f"{engine} computes in {' and '.join(able)} only",
            fix=f"Leave engine and device out, or ask for {able[-1]}",
        )
    try:
        return precision_for(asked, processor)
    except ResourceError as error:
        if asked != "auto" or engine != "auto":
            raise
        return ChosenPrecision("float32", error.diagnostic.what)
