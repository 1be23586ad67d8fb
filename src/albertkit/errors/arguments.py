"""Checks of arguments that every public function shares: one of some values, a whole number."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import SupportsIndex

from albertkit.errors.exceptions import InputError


def describe_value(value: object) -> str:
    """A value as messages show it: its type, and itself if it is short."""
    text = repr(value)
    kind = type(value).__name__
    return "None" if value is None else f"{text} ({kind})" if len(text) <= 40 else f"a {kind}"


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Refuse a value that is not among the choices.

    Raises:
        InputError: [option-invalid].
    """
    if isinstance(value, str) and value in choices:
        return
    if not any(
        value is choice or (type(value) is type(choice) and value == choice) for choice in choices
    ):
        raise InputError(
            "option-invalid",
            f"{name} is {describe_value(value)}",
            why=f"it can be {', '.join(map(repr, choices))}",
            fix="Choose one of them",
        )


def check_integer(name: str, value: object, *, minimum: int = 1) -> int:
    """A whole number as Python's int; integers of numpy and of other libraries are read too.

    Raises:
        InputError: [option-invalid] for other types and for numbers below the minimum.
    """
    number = None
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        try:
            number = operator.index(value)
        except TypeError:  # an array of several numbers has the method too
            number = None
    if number is None or number < minimum:
        raise InputError(
            "option-invalid",
            f"{name} is {value!r}",
            why=f"it must be a whole number of at least {minimum}",
            fix=f"Correct {name}",
        )
    return number
