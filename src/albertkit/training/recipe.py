"""A recipe: the numbers of one training run, read from TOML, strictly.

Every key must be known; every number has its unit here and nowhere else.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TypeVar

from albertkit.errors import FormatError, InputError
from albertkit.errors.wording import nearest_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How a run is optimised: AdamW, or Muon with it, on a trapezoid of learning rates.

    The rate rises over `warmup_steps`, stays at `peak_rate`, and falls to zero over the last
    `decay_steps`; a run can so be made longer at any time before it falls.
    """

    steps: int
    warmup_steps: int
    decay_steps: int
    peak_rate: float
    matrix_rate: float = 0.0  # peak rate of the layers' matrices under Muon; 0: AdamW for all
    weight_decay: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-6
    clip: float = 1.0  # largest norm of all gradients together
    seed: int = 0
    report_every: int = 50  # steps
    save_every: int = 250  # steps

    def rate_at(self, step: int) -> float:
        """The learning rate of step `step`, counted from 0."""
        rising = (step + 1) / self.warmup_steps if self.warmup_steps else 1.0
        falling = (self.steps - step) / self.decay_steps if self.decay_steps else 1.0
        return self.peak_rate * max(0.0, min(1.0, rising, falling))


def read_toml(place: Path) -> dict[str, object]:
    """The tables of a recipe file.

    Raises InputError [file-not-found], FormatError [recipe-malformed].
    """
    try:
        data = place.read_bytes()
    except OSError as error:
        raise InputError(
            "file-not-found",
            f"there is no recipe {str(place)!r}",
            why=error.strerror or "it cannot be read",
            fix="Give the path of a TOML file",
        ) from error
    try:
        return tomllib.loads(data.decode())
    except ValueError as error:
        raise FormatError(
            "recipe-malformed", str(error), fix="Correct the TOML", where=str(place)
        ) from error


Filled = TypeVar("Filled")


def fill(kind: type[Filled], table: object, where: str) -> Filled:
    """Make the dataclass `kind` from a table of a recipe; int is taken for float.

    Raises FormatError [recipe-key-unknown], [recipe-key-missing] or [recipe-value-invalid].
    """
    if not isinstance(table, Mapping):
        raise FormatError(
            "recipe-key-missing",
            f"there is no table [{where}]",
            why="a recipe needs it",
            fix=f"Add [{where}]",
        )
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]  # only dataclasses come here
    for key in table:
        if key not in known:
            near = nearest_name(str(key), known)
            hint = f"Did you mean {near!r}" if near else f"Known are {', '.join(known)}"
            raise FormatError("recipe-key-unknown", f"[{where}] has no key {key!r}", fix=hint)
    for name, field in known.items():
        if field.default is MISSING and field.default_factory is MISSING and name not in table:
            raise FormatError(
                "recipe-key-missing", f"[{where}] lacks {name!r}", fix=f"Add {name} = …"
            )
    return kind(
        **{key: _value(key, value, str(known[key].type), where) for key, value in table.items()}
    )


def _value(key: str, value: object, kind: str, where: str) -> object:
    """A value of the field's type; a whole number is taken where a float is wanted."""
    wanted = {"int": int, "float": float, "str": str}.get(kind)
    if wanted is float and type(value) is int:
        return float(value)
    if wanted is not None and type(value) is not wanted:
        raise FormatError(
            "recipe-value-invalid",
            f"[{where}] {key} is {value!r}",
            why=f"it must be of type {wanted.__name__}",
            fix=f"Correct {key}",
        )
    return value
