"""A recipe: the settings of one training run, read strictly from TOML.

Every key must be known, and every number has its unit here and nowhere else.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Literal, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from albertkit.errors import FormatError, InputError
from albertkit.errors.arguments import check_fields
from albertkit.errors.exceptions import find_nearest_name
from albertkit.runtime.options import DEVICE_NAMES, is_device_name
from albertkit.training.schedules import Ramp, Stages, parse_points

Precision = Literal["auto", "float32", "bfloat16"]
Optimizer = Literal["adamw", "lamb"]


FINITE = sys.float_info.max
LARGEST_RATE = 1000  # of the optimizers here; far above what any training survives
LARGEST_SEED = 2**63 - 1  # torch's
# Settings that a tuning has too.
SHARED_RANGES: Mapping[str, tuple[float, float]] = {
    "learning_rate": (0, LARGEST_RATE),
    "max_steps": (0, FINITE),
    "warmup_ratio": (0, 1),
    "weight_decay": (0, FINITE),
    "max_grad_norm": (1e-9, FINITE),  # 0 would make all gradients 0
    "gradient_accumulation_steps": (1, FINITE),
    "seed": (0, LARGEST_SEED),
}
RANGES: Mapping[str, tuple[float, float]] = {
    **SHARED_RANGES,
    "max_tokens": (0, FINITE),
    "max_hours": (0, FINITE),
    "muon_learning_rate": (0, LARGEST_RATE),
    "decay_ratio": (0, 1),
    "beta1": (0, 0.999999),  # at 1 the means stay 0, and AdamW divides by 0
    "beta2": (0, 0.999999),
    "epsilon": (1e-12, FINITE),  # at 0, a gradient of 0 would be divided by 0
    "logging_steps": (1, FINITE),
    "save_steps": (1, FINITE),
    "keep_checkpoints": (1, FINITE),
}


@check_fields
@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How a run is optimized, how long it lasts, and what it computes on.

    The run ends at the first of `max_steps`, `max_tokens` and `max_hours` that is reached (0: no
    limit). The fraction of it that is done drives the learning rate: it rises over
    `warmup_ratio`, stays at its peak, and falls to zero over the last `decay_ratio`.
    """

    learning_rate: float  # the peak
    max_steps: int = 0
    max_tokens: int = 0  # slots that are not empty, of all ranks
    max_hours: float = 0.0  # of computing; pauses between resumed parts do not count
    optimizer: Optimizer = "adamw"
    muon_learning_rate: float = 0.0  # peak of the layers' matrices under Muon; 0: no Muon
    warmup_ratio: float = 0.02
    decay_ratio: float = 0.5
    weight_decay: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-6
    max_grad_norm: float = 1.0  # of all gradients together
    gradient_accumulation_steps: int = 1  # batches of one step, on each rank
    seed: int = 0
    logging_steps: int = 50
    save_steps: int = 250
    keep_checkpoints: int = 2  # the last ones; the best is kept too
    precision: Precision = "auto"  # auto: bfloat16 if the device multiplies it at full speed
    device: str = "auto"  # auto: a GPU if torch sees one; "cpu", "cuda", "cuda:N"
    compile: bool = False  # torch.compile each layer: needs a C++ compiler on a CPU

    def __post_init__(self) -> None:
        """Raise FormatError for values that cannot be."""
        convert_fields(self, "training")
        check_ranges(self, "training", RANGES)
        check_device(self.device, "training")
        if not (self.max_steps > 0 or self.max_tokens > 0 or self.max_hours > 0):
            raise FormatError(
                "recipe-key-missing",
                "[training] has no end",
                why="max_steps, max_tokens and max_hours are all 0",
                fix="Give one of them",
            )
        if self.muon_learning_rate and not self.learning_rate:
            raise FormatError(
                "recipe-value-invalid",
                f"[training] learning_rate is 0, and muon_learning_rate is"
                f" {self.muon_learning_rate!r}",
                why="both follow one schedule, which is that of learning_rate",
                fix="Give a learning_rate above 0",
            )

    def learning_rate_at(self, fraction: float) -> float:
        """The learning rate when `fraction` (0 to 1) of the run is done."""
        rising = fraction / self.warmup_ratio if self.warmup_ratio else 1.0
        falling = (1 - fraction) / self.decay_ratio if self.decay_ratio else 1.0
        return self.learning_rate * max(0.0, min(1.0, rising, falling))


# Settings that may change between the parts of a resumed run.
FREE_SETTINGS = frozenset(
    {
        "training.max_steps",
        "training.max_tokens",
        "training.max_hours",
        "training.gradient_accumulation_steps",  # times the ranks it must be the same
        "training.logging_steps",
        "training.save_steps",
        "training.keep_checkpoints",
        "training.device",
        "training.compile",
        "data.license",
    }
)


def read_toml(path: str | Path, names: Collection[str]) -> dict[str, object]:
    """Read the tables of a recipe file.

    Args:
        path: of the file.
        names: of all tables that it may have.

    Raises:
        InputError: [file-not-found].
        FormatError: [recipe-malformed]; [recipe-key-unknown] for another table, or a key outside.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            "file-not-found",
            f"there is no recipe {str(path)!r}",
            why=error.strerror or "it cannot be read",
            fix="Give the path of a TOML file",
        ) from error
    try:
        tables = tomllib.loads(data.decode())
    except ValueError as error:
        raise FormatError(
            "recipe-malformed", str(error), fix="Correct the TOML", where=str(path)
        ) from error
    for name, value in tables.items():
        if name not in names:
            near = find_nearest_name(name, names)
            is_table = isinstance(value, Mapping)
            raise FormatError(
                "recipe-key-unknown",
                f"a recipe has no table [{name}]" if is_table else f"{name} is in no table",
                why=f"its tables are {', '.join(f'[{known}]' for known in names)}",
                fix=f"Did you mean [{near}]?" if is_table and near else f"Move or remove {name}",
                where=str(path),
            )
    return tables


def convert_fields(config: object, table: str) -> None:
    """Give each field the type that it has in a recipe; numbers of numpy become Python's.

    Args:
        config: a dataclass of int, float, str, bool, Literal, Ramp and Stages fields; an int is
            taken for a float, and what TOML gives for a Ramp or for Stages. It is changed.
        table: of the recipe, for messages.

    Raises:
        FormatError: [recipe-value-invalid].
    """
    for name, kind in get_type_hints(type(config)).items():
        value = _convert_value(table, name, getattr(config, name), kind)
        object.__setattr__(config, name, value)  # it is frozen, and not used yet


def check_ranges(config: object, table: str, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Refuse numbers of a recipe that are out of their ranges.

    Args:
        config: a dataclass with these fields: numbers, Ramp or Stages.
        table: of the recipe, for messages.
        ranges: field → its least and its greatest value.

    Raises:
        FormatError: [recipe-value-invalid].
    """
    for name, (least, greatest) in ranges.items():
        value = getattr(config, name)
        numbers = [value]
        if isinstance(value, Ramp | Stages):
            numbers = [number for _, number in value.points]
            value = numbers if len(numbers) > 1 else numbers[0]
        if not all(least <= number <= greatest for number in numbers):  # NaN is in no range
            shown = f"{greatest:,}" if isinstance(greatest, int) else f"{greatest:g}"
            most = "finite" if greatest == FINITE else f"at most {shown}"
            raise FormatError(
                "recipe-value-invalid",
                f"[{table}] {name} is {value!r}",
                why=f"it must be at least {least:g} and {most}",
                fix=f"Correct {name}",
            )


def check_device(device: str, table: str) -> None:
    """Refuse a device that is none; whether it is there is seen when torch is imported.

    Args:
        device: of a recipe.
        table: of the recipe, for messages.

    Raises:
        FormatError: [recipe-value-invalid].
    """
    if not is_device_name(device):
        raise FormatError(
            "recipe-value-invalid",
            f"[{table}] device is {device!r}",
            why=f"it must be {DEVICE_NAMES}",
            fix="Correct device",
        )


Table = TypeVar("Table")


def parse_table(kind: type[Table], table: object, name: str) -> Table:
    """Make the dataclass `kind` from a table of a recipe.

    Args:
        kind: a dataclass, whose fields are read as by `convert_fields`.
        table: what TOML gave.
        name: of the table, for messages.

    Raises:
        FormatError: [recipe-key-unknown], [recipe-key-missing] or [recipe-value-invalid].
    """
    if not isinstance(table, Mapping):
        raise FormatError(
            "recipe-key-missing",
            f"there is no table [{name}]",
            why="a recipe needs it",
            fix=f"Add [{name}]",
        )
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]  # all are dataclasses
    for key in table:
        if key not in known:
            from albertkit.errors.other_libraries import TRAINING_ANSWERS  # only for an error

            near = find_nearest_name(str(key), known)
            hint = f"Did you mean {near!r}?" if near else f"Known are {', '.join(known)}"
            why, fix = TRAINING_ANSWERS.get(str(key), ("", hint))
            what = f"[{name}] has no key {key!r}"
            raise FormatError("recipe-key-unknown", what, why=why, fix=fix)
    for key, field in known.items():
        if field.default is MISSING and field.default_factory is MISSING and key not in table:
            raise FormatError("recipe-key-missing", f"[{name}] lacks {key!r}", fix=f"Add {key} = …")
    hints = get_type_hints(kind)
    return kind(**{k: _convert_value(name, k, value, hints[k]) for k, value in table.items()})


def _convert_value(table: str, name: str, value: object, kind: object) -> object:
    """A value of the field's type; raises FormatError [recipe-value-invalid]."""
    try:
        return _parse_value(value, kind)
    except ValueError as error:
        raise FormatError(
            "recipe-value-invalid",
            f"[{table}] {name} is {value!r}",
            why=str(error),
            fix=f"Correct {name}",
        ) from error


def _parse_value(value: object, kind: object) -> object:
    """A value of the field's type; a ValueError says what it must be."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Ramp | Stages) and type(value) is kind:
        return value
    if kind is Ramp or kind is Stages:
        points = parse_points(value)
        if kind is Stages and not all(number.is_integer() for _, number in points):
            raise ValueError("it must be a whole number")
        return (Ramp if kind is Ramp else Stages)(points)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(f"it must be one of {', '.join(map(repr, get_args(kind)))}")
        return value
    if kind is float and type(value) is int:
        return float(value)
    if isinstance(kind, type) and type(value) is not kind:
        raise ValueError(f"it must be of type {kind.__name__}")
    return value
