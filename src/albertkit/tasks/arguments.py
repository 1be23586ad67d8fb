"""Arguments of the tasks that are no texts: refused by name before anything is computed."""

from __future__ import annotations

from albertkit.errors import InputError
from albertkit.tokenization.checks import one_of

__all__ = ["at_least_one", "one_of"]


def at_least_one(name: str, value: int | None) -> None:
    """Raises InputError [option-invalid] for numbers below 1 and for what is no whole number."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise InputError(
            "option-invalid",
            f"{name} is {value!r}",
            why="it must be a whole number of at least 1",
            fix=f"Correct {name}",
        )
