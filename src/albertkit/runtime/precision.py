"""Which precision an engine computes in: what was asked for, held against what both can."""

from __future__ import annotations

from collections.abc import Callable

from albertkit.engine.precision import ChosenPrecision, PrecisionName, precision_for
from albertkit.engine.processor import Processor, this_processor
from albertkit.errors import InputError, SurroundingsError
from albertkit.runtime.choose_engine import EngineName

__all__ = ["ChosenPrecision", "PrecisionName", "choose_precision"]


def choose_precision(
    asked: PrecisionName,
    engine: EngineName = "auto",
    processor: Callable[[], Processor] = this_processor,
) -> ChosenPrecision:
    """Raises InputError [precision-unsupported], [option-invalid].

    Where OpenVINO cannot be imported, "auto" is float32, and the engine that stands in computes it.
    """
    if engine == "numpy" and asked == "auto":
        return ChosenPrecision("float32", "numpy computes in nothing else")
    if engine == "numpy" and asked in {"bfloat16", "int8"}:
        raise InputError(
            "option-invalid",
            f"precision is {asked!r} and engine is 'numpy'",
            why="numpy computes in float32 only",
            fix="Leave the engine out, or ask for float32",
        )
    try:
        return precision_for(asked, processor)
    except SurroundingsError as error:
        if asked != "auto" or engine != "auto":
            raise
        return ChosenPrecision("float32", error.finding.what)
