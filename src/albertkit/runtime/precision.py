"""Which precision is computed in: what was asked for, held against what the processor can.

float32 asks nobody, so that a process which wants nothing else never imports OpenVINO for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from albertkit.engine.processor import Processor, this_processor
from albertkit.engine.protocol import Precision
from albertkit.errors import InputError
from albertkit.runtime.choose_engine import EngineName
from albertkit.text.requests import one_of

PrecisionName = Literal["auto", "float32", "bfloat16", "int8"]
PRECISION_NAMES: tuple[PrecisionName, ...] = get_args(PrecisionName)


@dataclass(frozen=True, slots=True)
class ChosenPrecision:
    """The precision that is computed in, and why it is this one."""

    precision: Precision
    why: str

    def line(self) -> str:
        return f"{self.precision}, since {self.why}"


def choose_precision(
    asked: PrecisionName,
    engine: EngineName = "auto",
    processor: Callable[[], Processor] = this_processor,
) -> ChosenPrecision:
    """What is computed in; int8 only where it is asked for by name, as its answers are others.

    Raises InputError [precision-unsupported], [option-invalid].
    """
    one_of(asked, PRECISION_NAMES, "precision")
    if asked == "float32":
        return ChosenPrecision("float32", "nothing else was asked for")
    if engine == "numpy":
        if asked == "auto":
            return ChosenPrecision("float32", "numpy computes in nothing else")
        raise InputError(
            "option-invalid",
            f"precision is {asked!r} and engine is 'numpy'",
            why="numpy computes in float32 only",
            fix="Leave the engine out, or ask for float32",
        )
    able = processor()
    if asked == "auto":
        return ChosenPrecision("bfloat16" if able.bfloat16 else "float32", able.line())
    if (able.bfloat16 if asked == "bfloat16" else able.int8) is False:
        raise InputError(
            "precision-unsupported",
            f"precision is {asked!r}",
            why=f"{able.line()}, and done by other instructions it is no faster than float32",
            fix='Ask for "auto" or "float32"',
        )
    return ChosenPrecision(asked, able.line())
