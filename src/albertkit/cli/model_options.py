"""By what a verb computes: options that all verbs with a model have, declared once.

A verb has the one parameter `computing`, and passes it on to its task as it is. Its file does not
import `annotations` from `__future__`: typer asks for types, and to make them of forty strings
takes 3 ms of a start.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any

from albertkit.cli import options

PARAMETER = "computing"
OPTIONS: Mapping[str, tuple[Any, object]] = MappingProxyType(  # name → what typer reads, default
    {
        "engine": (options.Engine, options.EngineChoice.AUTO),
        "device": (options.Device, None),
        "precision": (options.Precision, options.PrecisionChoice.FLOAT32),
        "calibration": (options.Calibration, None),
        "deterministic": (options.Deterministic, False),
    }
)


def computes(verb: Callable[..., None]) -> Callable[..., None]:
    """`verb`, for typer: the options stand in the place of its parameter."""

    def called(**given: object) -> None:
        said = {name: given.pop(name) for name in OPTIONS}
        plain = {n: value.value if isinstance(value, Enum) else value for n, value in said.items()}
        verb(**given, **{PARAMETER: plain})

    parameters: list[inspect.Parameter] = []
    for each in inspect.signature(verb).parameters.values():
        if each.name != PARAMETER:
            parameters.append(each)
            continue
        parameters += [
            inspect.Parameter(name, each.kind, default=default, annotation=kind)
            for name, (kind, default) in OPTIONS.items()
        ]
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # where inspect looks
    called.__name__, called.__doc__ = verb.__name__, verb.__doc__
    return called
