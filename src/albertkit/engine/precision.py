"""Resolve the precision that is asked for against what a processor supports.

float32 needs no hardware probe.
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
    """The precision to compute in, and the reason for it."""

    precision: Precision
    why: str

    def line(self) -> str:
        """Both in one line."""
        return f"{self.precision}, since {self.why}"

    def log(self) -> None:
        """Log what "auto" means here."""
        LOGGER.info("precision: %s", self.line())


def resolve_precision(
    precision: PrecisionName, processor: Callable[[], Processor]
) -> ChosenPrecision:
    """Resolve a precision; int8 only if it is asked for by name, as its vectors are others.

    Args:
        precision: What is asked for.
        processor: Gives what the processor supports; called for other precisions than float32.

    Returns:
        The precision, and the reason for it.

    Raises:
        InputError: [precision-unsupported], [option-invalid].
    """
    check_choice("precision", precision, PRECISION_NAMES)
    if precision == "float32":
        return ChosenPrecision("float32", "nothing else was asked for")
    local = processor()
    bfloat16_line, int8_line = local.describe_bfloat16(), local.describe_int8()
    if precision == "auto":
        return ChosenPrecision("bfloat16" if local.bfloat16 else "float32", bfloat16_line)
    supported, why = (
        (local.bfloat16, bfloat16_line) if precision == "bfloat16" else (local.int8, int8_line)
    )
    if supported is False:
        raise InputError(
            "precision-unsupported",
            f"precision is {precision!r}",
            why=f"{why}, without which it is no faster than float32",
            fix="Ask for float32, or for auto, which is bfloat16 if the processor has it",
        )
    return ChosenPrecision(precision, why)
