"""Which precision a processor is asked to compute in.

float32 asks nobody, so that a process which wants nothing else never imports OpenVINO for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice

if TYPE_CHECKING:
    from albertkit.engine.processor import Processor
    from albertkit.engine.protocol import Precision

LOGGER = logging.getLogger(__name__)

PrecisionName = Literal["auto", "float32", "bfloat16", "int8"]
PRECISION_NAMES: tuple[PrecisionName, ...] = get_args(PrecisionName)


@dataclass(frozen=True, slots=True)
class ChosenPrecision:
    """The precision that is computed in, and why it is this one."""

    precision: Precision
    why: str

    def line(self) -> str:
        return f"{self.precision}, since {self.why}"

    def tell(self) -> None:
        """Say once what "auto" means here."""
        LOGGER.info("precision: %s", self.line())


def check_calibration(given: object, precision: PrecisionName) -> None:
    """Texts to fit to are for int8 alone; raises InputError [option-invalid]."""
    if given is not None and precision != "int8":
        raise InputError(
            "option-invalid",
            f"calibration is given, and precision is {precision!r}",
            why="only int8 is fitted to texts",
            fix="Leave calibration out, or ask for the precision int8",
        )


def precision_for(asked: PrecisionName, processor: Callable[[], Processor]) -> ChosenPrecision:
    """What is computed in; int8 only where it is asked for by name, as its answers are others.

    Raises InputError [precision-unsupported], [option-invalid].
    """
    check_choice("precision", asked, PRECISION_NAMES)
    if asked == "float32":
        return ChosenPrecision("float32", "nothing else was asked for")
    able = processor()
    if asked == "auto":
        return ChosenPrecision("bfloat16" if able.bfloat16 else "float32", able.of_bfloat16())
    has, why = (
        (able.bfloat16, able.of_bfloat16()) if asked == "bfloat16" else (able.int8, able.of_int8())
    )
    if has is False:
        raise InputError(
            "precision-unsupported",
            f"precision is {asked!r}",
            why=f"{why}, without which it is no faster than float32",
            fix="Ask for float32, or for auto, which is bfloat16 where the processor has it",
        )
    return ChosenPrecision(asked, why)
